import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test as base, expect, type Page } from '@playwright/test';

export { expect };

const root = join(import.meta.dirname, '../..');
export const programs = process.env['BIFROST_PROGRAMS'] ?? join(process.env['CARGO_TARGET_DIR'] ?? join(root, 'target'), 'debug');
const launcher = join(programs, 'bifrost-launcher');

/** A headless launcher of one test. */
export interface Launcher {
  url: string;
  address: string;
  token: string;
  child: ChildProcess;
}

interface Fixtures {
  /** A folder of this test. */
  folder: string;
  /** Starts a launcher. Without a scenario it is a real one. */
  launch: (...options: string[]) => Promise<Launcher>;
  /** Starts a scripted launcher and opens its window. */
  open: (scenario: string) => Promise<Launcher>;
  /** Whatever the browser complained about. */
  complaints: string[];
}

export const test = base.extend<Fixtures>({
  folder: async ({}, use) => {
    const folder = mkdtempSync(join(tmpdir(), 'bifrost-e2e-'));
    await use(folder);
    rmSync(folder, { recursive: true, force: true });
  },
  complaints: async ({ page }, use) => {
    const complaints: string[] = [];
    page.on('console', (message) => {
      if (message.type() === 'error' && !/status of 409|Content Security Policy/.test(message.text())) complaints.push(message.text());
    });
    page.on('pageerror', (error) => complaints.push(String(error)));
    await use(complaints);
    expect(complaints.filter((text) => !text.includes('ERR_'))).toEqual([]);
  },
  launch: async ({ folder }, use) => {
    const children: ChildProcess[] = [];
    await use(async (...options) => {
      const child = spawn(launcher, ['serve', '--state', join(folder, 'state'), '--no-keyring', '--ui', join(root, 'ui/dist'), '--log', 'info', ...options], {
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      children.push(child);
      let said = '';
      child.stderr?.on('data', (data) => (said += String(data)));
      const line = await new Promise<string>((resolve, reject) => {
        child.stdout?.once('data', (data) => resolve(String(data)));
        child.once('exit', () => reject(new Error(`the launcher has ended: ${said}`)));
      });
      return { ...(JSON.parse(line) as Omit<Launcher, 'child'>), child };
    });
    for (const child of children) child.kill('SIGKILL');
  },
  open: async ({ launch, page, complaints }, use) => {
    void complaints;
    await use(async (scenario) => {
      const started = await launch('--scenario', scenario);
      await page.goto(started.url);
      await expect(page.getByRole('heading', { level: 1 })).toBeVisible();
      return started;
    });
  },
});

/** Makes a signed realm file. */
export function makeRealmFile(folder: string, options: { coordinator?: string; ca?: string; name?: string; further?: string[] } = {}): string {
  const [key, ca, out] = [join(folder, 'operator.key'), options.ca ?? join(folder, 'ca.pem'), join(folder, 'my.realm')];
  if (!options.ca) writeFileSync(ca, '-----BEGIN CERTIFICATE-----\nscripted\n-----END CERTIFICATE-----\n');
  execFileSync(launcher, ['realm', 'key', '--out', key], { stdio: 'pipe' });
  execFileSync(launcher, ['realm', 'make', '--key', key, '--ca', ca, '--out', out, '--name', options.name ?? 'Midgard Lanterns', '--accent', '#f0a868', '--coordinator', options.coordinator ?? 'https://127.0.0.1:7443', ...(options.further ?? [])], { stdio: 'pipe' });
  return out;
}

/** A copy of a realm file with one word changed after it was signed. */
export function tamper(file: string): string {
  const changed = `${file}.changed`;
  writeFileSync(changed, readFileSync(file, 'utf8').replace('127.0.0.1', '127.0.0.2'));
  return changed;
}

/** Goes to a screen. */
export async function go(page: Page, name: string): Promise<void> {
  await page.getByRole('navigation').getByRole('button', { name }).click();
}
