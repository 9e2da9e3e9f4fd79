import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** The visible windows of a name. */
export function windows(name: string): string[] {
  try {
    return execFileSync('xdotool', ['search', '--onlyvisible', '--name', name], { encoding: 'utf8' }).split('\n').filter(Boolean);
  } catch {
    return [];
  }
}

/** A process and all below it. */
export function family(pid: number): number[] {
  const found = execFileSync('sh', ['-c', `pgrep -P ${pid} || true`], { encoding: 'utf8' }).split('\n').filter(Boolean).map(Number);
  return [pid, ...found.flatMap(family)];
}

/** Memory of a process that no other process shares, in MB. */
function own(pid: number): number {
  try {
    const lines = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8').matchAll(/^Private_\w+:\s+(\d+) kB/gm);
    return [...lines].reduce((sum, [, kb]) => sum + Number(kb), 0) / 1_024;
  } catch {
    return 0;
  }
}

/** Memory of a process and all below it, in MB, and of whom it is. */
export function memory(pid: number): { all: number; whose: string } {
  const parts = family(pid).map((one) => ({ name: readFileSync(`/proc/${one}/comm`, 'utf8').trim(), mb: own(one) }));
  const all = Math.round(parts.reduce((sum, { mb }) => sum + mb, 0));
  return { all, whose: parts.map(({ name, mb }) => `${name} ${Math.round(mb)}`).join(', ') };
}

/** Processor time that a process and all below it have used, in seconds. */
export function processor(pid: number): number {
  const ticks = family(pid).map((one) => {
    const fields = readFileSync(`/proc/${one}/stat`, 'utf8').replace(/^.*\) /, '').split(' ');
    return Number(fields[11]) + Number(fields[12]);
  });
  return ticks.reduce((sum, one) => sum + one, 0) / 100;
}
