import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { expect, test } from '../launcher';
import { memory, processor, windows } from './measure';
import { Window } from './driver';

/** The launcher as a package has installed it, and the least that Tauri can show. `./test package` names both. */
const bifrost = process.env['BIFROST_INSTALLED'] ?? '';
const hello = process.env['BIFROST_HELLO'] ?? '';

test.skip(bifrost === '', 'nothing is installed');

const pause = (seconds: number) => new Promise((resolve) => setTimeout(resolve, seconds * 1_000));

/** Milliseconds from starting a program to its first heading on the screen. */
async function heading(program: string, options: string[]): Promise<number> {
  const began = Date.now();
  const window = await Window.open(program, options, { patience: 2_000 });
  try {
    await expect.poll(() => window.text('h1'), { timeout: 60_000, intervals: [20] }).not.toBe('');
    return Date.now() - began;
  } finally {
    await window.close();
  }
}

test('the installed launcher opens, and how long that takes', async ({ folder }) => {
  const own = await heading(bifrost, ['--state', join(folder, 'state')]);
  const least = await heading(hello, []);
  console.log(`start to a heading: launcher ${own} ms, hello world ${least} ms`);
});

test('the installed launcher stays in the tray, and what it takes there', async ({ folder }) => {
  // A window manager: only one can ask a window to close.
  const children: ChildProcess[] = [spawn('openbox', { stdio: 'ignore' })];
  const start = async (program: string, name: string, options: string[]) => {
    const child = spawn(program, options, { stdio: 'ignore' });
    children.push(child);
    await expect.poll(() => windows(name), { timeout: 60_000, intervals: [50] }).toHaveLength(1);
    await pause(5);
    return child.pid ?? 0;
  };
  const say = (what: string, pid: number) => {
    const { all, whose } = memory(pid);
    console.log(`memory ${what}: ${all} MB (${whose})`);
    return all;
  };
  try {
    const least = await start(hello, 'Hello', []);
    say('of hello world', least);
    process.kill(least);
    const pid = await start(bifrost, 'Bifrost', ['--state', join(folder, 'state')]);
    const shown = say('with a window', pid);
    execFileSync('wmctrl', ['-c', 'Bifrost']);
    await expect.poll(() => windows('Bifrost'), { timeout: 10_000 }).toHaveLength(0);
    await pause(10);
    expect(say('in the tray', pid)).toBeLessThan(shown);
    const used = processor(pid);
    await pause(20);
    const share = ((processor(pid) - used) / 20) * 100;
    console.log(`processor in the tray: ${share.toFixed(2)} % of a core`);
    expect(share).toBeLessThan(1);
    process.kill(pid, 'SIGTERM');
    const hidden = spawn(bifrost, ['--state', join(folder, 'hidden'), '--hidden'], { stdio: 'ignore', env: { ...process.env, DBUS_SESSION_BUS_ADDRESS: 'unix:path=/nonexistent' } });
    children.push(hidden);
    await pause(5);
    say('started in the tray', hidden.pid ?? 0);
  } finally {
    for (const child of children) child.kill('SIGKILL');
  }
});
