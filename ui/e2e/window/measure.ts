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

/** Memory of a process in MB: what it has written, which nobody else can have, and its own pages of files, which the system takes back when it likes. */
function own(pid: number): { written: number; cached: number } {
  try {
    const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
    const mb = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(rollup)?.[1] ?? 0) / 1_024;
    return { written: mb('Private_Dirty'), cached: mb('Private_Clean') };
  } catch {
    return { written: 0, cached: 0 };
  }
}

/** Memory that a process and all below it have written, in MB, whose it is, and what they have of files besides. */
export function memory(pid: number): { all: number; whose: string } {
  const parts = family(pid).map((one) => ({ name: readFileSync(`/proc/${one}/comm`, 'utf8').trim(), ...own(one) }));
  const sum = (of: (part: { written: number; cached: number }) => number) => Math.round(parts.reduce((total, part) => total + of(part), 0));
  const whose = parts.map(({ name, written }) => `${name} ${Math.round(written)}`).join(', ');
  return { all: sum(({ written }) => written), whose: `${whose}; cached files ${sum(({ cached }) => cached)}` };
}

/** Processor time that a process and all below it have used, in seconds. */
export function processor(pid: number): number {
  const ticks = family(pid).map((one) => {
    const fields = readFileSync(`/proc/${one}/stat`, 'utf8').replace(/^.*\) /, '').split(' ');
    return Number(fields[11]) + Number(fields[12]);
  });
  return ticks.reduce((sum, one) => sum + one, 0) / 100;
}
