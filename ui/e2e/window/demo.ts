import { spawn, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';

/** What `./demo --keep` says when everything is up, in the words in which it says it to people. */
export class Demo {
  private constructor(
    private readonly child: ChildProcess,
    readonly coordinator: string,
    readonly ca: string,
    readonly account: string,
    readonly password: string,
    private readonly hosts: number[],
  ) {}

  static async open(program: string): Promise<Demo> {
    const child = spawn(program, ['--keep', '--json'], { stdio: ['ignore', 'ignore', 'pipe'] });
    if (!child.stderr) throw new Error('no output');
    let said = '';
    for await (const line of createInterface({ input: child.stderr })) {
      said += `${line}\n`;
      // Told of last.
      if (/^host-2 +process \d+/.test(line)) break;
    }
    const one = (pattern: RegExp) => {
      const found = pattern.exec(said)?.[1];
      if (!found) throw new Error(`the demo did not say ${pattern}:\n${said}`);
      return found;
    };
    const hosts = [...said.matchAll(/^host-\d+ +process (\d+)/gm)].map(([, pid]) => Number(pid));
    return new Demo(child, one(/^status +(\S+)\/v1\/status$/m), one(/^CA +(\S+)$/m), one(/^accounts +([^,\s]+)/m), one(/\(password: (\S+)\)/), hosts);
  }

  /** Kills all player hosts but the launcher: its maps' players can only go there. */
  killHosts(): void {
    for (const pid of this.hosts) process.kill(pid, 'SIGKILL');
  }

  end(): void {
    this.child.kill('SIGINT');
  }
}
