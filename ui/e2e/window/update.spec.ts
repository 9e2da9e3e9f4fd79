import { execFileSync } from 'node:child_process';
import { appendFileSync, chmodSync, copyFileSync, existsSync, mkdirSync, readFileSync, readlinkSync, readdirSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:https';
import { join } from 'node:path';
import { expect, makeRealmFile, programs, test } from '../launcher';
import { Realm } from '../realm';
import { Window } from './driver';

const tauri = join(import.meta.dirname, '../../node_modules/.bin/tauri');
const run = (program: string, ...args: string[]) => execFileSync(program, args, { stdio: 'pipe' });

/** A server for updates, with a certificate of the realm's own CA. */
async function serve(folder: string, ca: { pem: string; key: string }, files: Record<string, () => Buffer | string>): Promise<{ server: Server; url: string }> {
  const [key, request, certificate, names] = ['key', 'csr', 'pem', 'names'].map((end) => join(folder, `updates.${end}`)) as [string, string, string, string];
  writeFileSync(names, 'subjectAltName=IP:127.0.0.1\n');
  run('openssl', 'req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', key, '-out', request, '-subj', '/CN=updates');
  run('openssl', 'x509', '-req', '-in', request, '-CA', ca.pem, '-CAkey', ca.key, '-set_serial', '4711', '-days', '2', '-extfile', names, '-out', certificate);
  const server = createServer({ key: readFileSync(key), cert: readFileSync(certificate) }, (asked, answer) => {
    const file = files[asked.url ?? ''];
    answer.writeHead(file ? 200 : 404).end(file?.());
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const address = server.address();
  return { server, url: `https://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}` };
}

/** Processes that run a file as it lies there now. */
function running(program: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      try {
        return readlinkSync(`/proc/${pid}/exe`) === program;
      } catch {
        return false;
      }
    });
}

test('a signed update waits for hosting to end, and then takes the place of the launcher', async ({ folder }) => {
  test.setTimeout(300_000);
  const realm = new Realm(join(folder, 'realm'));
  const image = join(folder, 'Bifrost.AppImage');
  let [window, server]: [Window | null, Server | null] = [null, null];
  try {
    const { https } = await realm.start();
    realm.addAccount('sunflower', 'correct-horse');
    // An AppImage is a program that finds its own file in the environment. The next version is the same one with a few more bytes.
    copyFileSync(join(programs, 'bifrost'), image);
    chmodSync(image, 0o755);
    const release = join(folder, 'Bifrost_9.9.9.AppImage');
    copyFileSync(image, release);
    appendFileSync(release, 'of version 9.9.9');
    run(tauri, 'signer', 'generate', '--ci', '--password', 'secret', '--write-keys', join(folder, 'update.key'));
    run(tauri, 'signer', 'sign', '--private-key-path', join(folder, 'update.key'), '--password', 'secret', '--app-version', '9.9.9', release);

    const ca = { pem: join(realm.data, 'ca.pem'), key: join(realm.data, 'ca.key') };
    const files: Record<string, () => Buffer | string> = { '/release': () => readFileSync(release) };
    const served = await serve(folder, ca, files);
    server = served.server;
    const platforms = { 'linux-x86_64': { url: `${served.url}/release`, signature: readFileSync(`${release}.sig`, 'utf8') } };
    files['/latest.json'] = () => JSON.stringify({ version: '9.9.9', platforms });

    const state = join(folder, 'window-state');
    mkdirSync(state, { recursive: true });
    // Hosting goes on whatever else this machine does.
    writeFileSync(join(state, 'settings.json'), JSON.stringify({ manners: { cpu_percent: null } }));
    const updates = ['--updates', `${served.url}/latest.json`, '--updates-key', join(folder, 'update.key.pub')];
    copyFileSync(makeRealmFile(folder, { coordinator: `https://${https}`, ca: ca.pem, name: 'Test Realm', further: updates }), join(state, 'realm.json'));

    window = await Window.open(image, ['--state', state], { further: { APPIMAGE: image } });
    const open = window;
    const title = () => open.text('h1');
    await expect.poll(title, { timeout: 30_000 }).toBe('Welcome to Test Realm');
    await open.type('input[autocomplete="username"]', 'sunflower');
    await open.type('input[type="password"]', 'correct-horse');
    await open.click('form button[type="submit"]');
    await expect.poll(title, { timeout: 40_000 }).toBe('Connected to Test Realm');
    await open.click('[role="switch"]');
    await expect.poll(title, { timeout: 60_000 }).toMatch(/^Hosting/);
    await expect.poll(() => open.text('main'), { timeout: 90_000 }).toContain('Version 9.9.9 is here. It is installed when you neither play nor host.');
    await open.click('[role="switch"]');
    await expect.poll(() => open.text('main'), { timeout: 40_000 }).toContain('Version 9.9.9 is ready.');

    const before = running(image);
    expect(before).not.toEqual([]);
    await open.run('[...document.querySelectorAll("button")].find((button) => button.textContent.trim() === "Install now").click()');
    await expect.poll(() => readFileSync(image).equals(readFileSync(release)), { timeout: 60_000 }).toBe(true);
    await expect.poll(() => running(image).filter((pid) => !before.includes(pid)), { timeout: 60_000 }).not.toEqual([]);
    await expect.poll(() => before.filter((pid) => existsSync(`/proc/${pid}`)), { timeout: 20_000 }).toEqual([]);
  } finally {
    await window?.close();
    for (const pid of running(image)) process.kill(pid, 'SIGKILL');
    server?.close();
    realm.stop();
  }
});
