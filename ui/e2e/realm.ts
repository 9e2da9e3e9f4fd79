import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, programs } from './launcher';

const coordinator = join(programs, 'bifrost-coordinator');

/** A real coordinator with its own small realm, for which any machine is good enough. */
export class Realm {
  private child: ChildProcess | null = null;
  readonly config: string;
  readonly data: string;

  constructor(private readonly folder: string) {
    this.config = join(folder, 'coordinator.toml');
    this.data = join(folder, 'data');
  }

  async start(): Promise<{ https: string }> {
    mkdirSync(this.folder, { recursive: true });
    const any = '127.0.0.1:0';
    writeFileSync(
      this.config,
      `data_dir = ${JSON.stringify(this.data)}\n[http]\nlisten = "${any}"\n[link]\nlisten = "${any}"\n[relay]\nlisten = "${any}"\n` +
        `[realm]\nmode = "embedded"\nlogin_listen = "${any}"\nchar_listen = "${any}"\n` +
        '[eligibility]\ncores = 1\nmemory_mib = 1\nlatency_ms = 1000\njitter_ms = 1000\nupload_mbps = 1\nuptime_minutes = 0\n',
    );
    this.child = spawn(coordinator, ['run', '--config', this.config], { cwd: this.folder, stdio: 'ignore' });
    const file = join(this.data, 'addresses.json');
    await expect.poll(() => existsSync(file), { timeout: 30_000 }).toBe(true);
    return JSON.parse(readFileSync(file, 'utf8')) as { https: string };
  }

  addAccount(name: string, password: string): void {
    execFileSync(coordinator, ['account', 'add', name, '--config', this.config], { cwd: this.folder, env: { ...process.env, BIFROST_PASSWORD: password } });
  }

  stop(): void {
    this.child?.kill('SIGKILL');
  }
}
