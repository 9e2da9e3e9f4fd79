import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, makeRealmFile, programs, test } from '../launcher';
import { Demo } from './demo';
import { Window } from './driver';
import { family, memory, windows } from './measure';

const bifrost = join(programs, 'bifrost');

/** Where pictures of this run go. */
const pictures = process.env['BIFROST_PICTURES'] ?? join(import.meta.dirname, '../../test-results');

test('the real window signs in to the demo, hosts for its players, and drains', async ({ folder }) => {
  const demo = await Demo.open(join(programs, 'demo'));
  let window: Window | null = null;
  try {
    const state = join(folder, 'window-state');
    mkdirSync(state, { recursive: true });
    mkdirSync(pictures, { recursive: true });
    const file = makeRealmFile(folder, { coordinator: demo.coordinator, ca: demo.ca, name: 'Test Realm' });
    // The realm runs on this machine too: to the launcher its programs are other ones.
    writeFileSync(join(state, 'settings.json'), JSON.stringify({ manners: { cpu_percent: null } }));
    const began = Date.now();
    const seconds = () => ((Date.now() - began) / 1_000).toFixed(1);
    window = await Window.open(bifrost, ['--state', state]);
    const open = window;
    const title = () => open.text('h1');
    await expect.poll(title, { timeout: 30_000 }).not.toBe('');
    await open.type('input[type="file"]', file);
    await expect.poll(title, { timeout: 30_000 }).toBe('Welcome to Test Realm');
    writeFileSync(join(pictures, 'window-sign-in.png'), await open.picture());

    await open.type('input[autocomplete="username"]', demo.account);
    await open.type('input[type="password"]', demo.password);
    await open.click('form button[type="submit"]');
    await expect.poll(title, { timeout: 40_000 }).toBe('Connected to Test Realm');
    await open.click('[role="switch"]');
    // The demo has hosts enough, until they are gone.
    await expect.poll(title, { timeout: 60_000 }).toMatch(/^(Ready to host|Hosting)/);
    console.log(`from the first start to hosting, with two clicks: ${seconds()} s`);
    demo.killHosts();
    await expect.poll(title, { timeout: 60_000 }).toMatch(/^Hosting for \d+ players/);
    writeFileSync(join(pictures, 'window-hosting.png'), await open.picture());
    expect(await open.run<number>('return document.querySelectorAll("main li").length')).toBeGreaterThan(0);
    expect(await open.run<string>('return getComputedStyle(document.body).fontFamily')).toContain('Noto Sans');

    await open.click('[role="switch"]');
    await expect.poll(title, { timeout: 40_000 }).toBe('Connected to Test Realm');
  } finally {
    await window?.close();
    demo.end();
  }
});

test('closing the window leaves the launcher in the tray, a second start shows it again', async ({ folder }) => {
  // A window manager: only one can ask a window to close.
  const children: ChildProcess[] = [spawn('openbox', { stdio: 'ignore' })];
  const start = (...options: string[]) => {
    const child = spawn(bifrost, ['--state', join(folder, 'state'), ...options], { stdio: 'ignore' });
    children.push(child);
    return child;
  };
  try {
    const began = Date.now();
    const first = start();
    await expect.poll(() => windows('Bifrost'), { timeout: 30_000, intervals: [50] }).toHaveLength(1);
    console.log(`cold start to a window: ${Date.now() - began} ms (debug build)`);
    await new Promise((resolve) => setTimeout(resolve, 3_000));
    console.log(`memory with a window: ${memory(first.pid ?? 0).all} MB`);
    execFileSync('wmctrl', ['-c', 'Bifrost']);
    await expect.poll(() => windows('Bifrost'), { timeout: 10_000 }).toHaveLength(0);
    await new Promise((resolve) => setTimeout(resolve, 3_000));
    expect(first.exitCode, 'it stays in the tray').toBeNull();
    console.log(`memory in the tray: ${memory(first.pid ?? 0).all} MB`);
    const second = start();
    await expect.poll(() => windows('Bifrost'), { timeout: 20_000 }).toHaveLength(1);
    await expect.poll(() => second.exitCode, { timeout: 10_000 }).not.toBeNull();
    expect(first.exitCode).toBeNull();
    // A window that crashes takes nothing with it.
    const pane = family(first.pid ?? 0).find((pid) => readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('--pane'));
    process.kill(pane ?? 0, 'SIGABRT');
    await expect.poll(() => windows('Bifrost'), { timeout: 10_000 }).toHaveLength(0);
    start();
    await expect.poll(() => windows('Bifrost'), { timeout: 20_000 }).toHaveLength(1);
    expect(first.exitCode).toBeNull();
  } finally {
    for (const child of children) child.kill('SIGKILL');
  }
});
