import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, go, makeRealmFile, programs, test } from './launcher';

const coordinator = join(programs, 'bifrost-coordinator');

/** A real coordinator with its own small realm, for which any machine is good enough. */
class Realm {
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

test('a real launcher signs in to a real coordinator, hosts, loses it, and drains', async ({ page, launch, folder }) => {
  test.setTimeout(120_000);
  const realm = new Realm(join(folder, 'realm'));
  try {
    const { https } = await realm.start();
    realm.addAccount('sunflower', 'correct-horse');
    const file = makeRealmFile(folder, { coordinator: `https://${https}`, ca: join(realm.data, 'ca.pem'), name: 'Test Realm' });
    const { url } = await launch();
    await page.goto(url);
    const title = page.getByRole('heading', { level: 1 });
    await page.getByLabel('Choose a realm file').setInputFiles(file);
    await expect(title).toHaveText('Welcome to Test Realm');

    await page.getByLabel('Account').fill('sunflower');
    await page.getByLabel('Password').fill('wrong-horse');
    await page.getByRole('button', { name: 'Sign in' }).click();
    await expect(page.getByRole('alert')).toContainText('not right', { timeout: 30_000 });
    await page.getByLabel('Password').fill('correct-horse');
    await page.getByRole('button', { name: 'Sign in' }).click();
    await expect(title).toHaveText('Connected to Test Realm', { timeout: 30_000 });

    const host = page.getByRole('switch', { name: 'Host' });
    await host.click();
    await expect(title).toHaveText(/Hosting/, { timeout: 60_000 });
    await expect(page.getByRole('heading', { name: 'Your maps' })).toBeVisible({ timeout: 15_000 });
    await go(page, 'My PC');
    await expect(page.getByText('Your PC has everything a host needs.')).toBeVisible({ timeout: 20_000 });
    await expect(page.getByRole('listitem').filter({ hasText: 'Upload' })).toContainText('Mbit/s, needs 1 Mbit/s');
    await go(page, 'Doctor');
    await page.getByRole('button', { name: 'Check everything' }).click();
    await expect(page.getByRole('listitem').filter({ hasText: 'UDP gets through' })).toContainText('Good', { timeout: 20_000 });
    await expect(page.getByRole('listitem').filter({ hasText: 'The realm answers' })).toContainText('Good');

    await go(page, 'Home');
    await host.click();
    await expect(title).toHaveText('Connected to Test Realm', { timeout: 30_000 });
    realm.stop();
    await expect(title).toHaveText('Test Realm is not answering', { timeout: 30_000 });
    await go(page, 'Log');
    await expect(page.getByRole('list', { name: 'Log' })).toContainText('registered');
  } finally {
    realm.stop();
  }
});
