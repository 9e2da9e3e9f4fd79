// Pictures of scenarios, to look at: node scripts/shots.mjs OUT [scenario...] with THEME=dark|light LANG=en SIZE=960x640 SCREEN=home ZOOM=1
import { spawn } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium } from '@playwright/test';

const [out, ...scenarios] = process.argv.slice(2);
const env = process.env;
const [width, height] = (env.SIZE ?? '960x640').split('x').map(Number);
const zoom = Number(env.ZOOM ?? 1);
const launcher = env.BIFROST_LAUNCHER ?? join(import.meta.dirname, '../../target/debug/bifrost-launcher');
const browser = await chromium.launch({ executablePath: env.CHROMIUM ?? '/usr/bin/chromium', args: ['--no-sandbox'] });

for (const scenario of scenarios) {
  const state = mkdtempSync(join(tmpdir(), 'bifrost-shot-'));
  const child = spawn(launcher, ['serve', '--scenario', scenario, '--state', state, '--ui', join(import.meta.dirname, '../dist'), '--log', 'warn']);
  const { url } = JSON.parse(await new Promise((resolve) => child.stdout.once('data', (data) => resolve(String(data)))));
  const page = await browser.newPage({
    viewport: { width: Math.round(width / zoom), height: Math.round(height / zoom) },
    deviceScaleFactor: zoom,
    colorScheme: env.THEME ?? 'dark',
    locale: env.TONGUE ?? 'en-US',
    timezoneId: 'UTC',
  });
  page.on('console', (message) => message.type() === 'error' && console.log(scenario, message.text()));
  page.on('pageerror', (error) => console.log(scenario, String(error)));
  await page.goto(url);
  await page.waitForSelector('h1');
  await page.waitForTimeout(Number(env.WAIT ?? 1800));
  for (const screen of (env.SCREEN ?? 'home').split(',')) {
    if (screen !== 'home') {
      const index = ['home', 'pc', 'contribution', 'settings', 'doctor', 'log'].indexOf(screen);
      await page.locator('nav button').nth(index).click();
      if (screen === 'doctor') await page.locator('main header button').last().click();
      await page.waitForTimeout(800);
    }
    await page.screenshot({ path: join(out, `${scenario}-${screen}-${env.THEME ?? 'dark'}-${env.TONGUE ?? 'en'}-${width}${zoom > 1 ? `-z${zoom}` : ''}.png`), fullPage: false });
  }
  await page.close();
  child.kill();
}
await browser.close();
