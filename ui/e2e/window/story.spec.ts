import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, makeRealmFile, programs, test } from '../launcher';
import { Window } from './driver';
import { family } from './measure';
import { Stage, type News } from './stage';

/** Options of `live`, one a line: an rAthena and an OpenKore, both built. `./test story` names them. */
const realm = (process.env['BIFROST_STORY'] ?? '').split('\n').filter(Boolean);
const pictures = process.env['BIFROST_PICTURES'] ?? join(import.meta.dirname, '../../test-results');
const bifrost = join(programs, 'bifrost');

test.skip(realm.length === 0, 'it needs an rAthena and an OpenKore');

const pause = (seconds: number) => new Promise((resolve) => setTimeout(resolve, seconds * 1_000));

/** The launchers that run on this state folder, and all they started. */
const ours = (state: string) => execFileSync('pgrep', ['-f', state], { encoding: 'utf8' }).split('\n').filter(Boolean).map(Number).flatMap(family);
const name = (pid: number) => {
  try {
    return readFileSync(`/proc/${pid}/comm`, 'utf8').trim();
  } catch {
    return '';
  }
};

/** Has a launcher reach the coordinator's link by another address from its next start on. */
function plug(state: string, link: string): void {
  const file = readdirSync(state, { recursive: true, encoding: 'utf8' }).find((path) => path.endsWith('credentials.json'));
  const path = join(state, file ?? 'credentials.json');
  const held = JSON.parse(readFileSync(path, 'utf8')) as { credentials: { link: string } };
  held.credentials.link = link;
  writeFileSync(path, JSON.stringify(held));
}

test('one launcher in a real realm: from the first start to hosting, playing, and the end', async ({ folder }) => {
  test.setTimeout(1_200_000);
  mkdirSync(pictures, { recursive: true });
  const stage = await Stage.open(join(programs, 'live'), ['--players', '8', '--hosts', '3', ...realm]);
  const state = join(folder, 'state');
  let window: Window | null = null;
  let number = 0;
  let began = Date.now();
  const say = (what: string) => console.log(`${((Date.now() - began) / 1_000).toFixed(1).padStart(6)} s  ${what}`);
  try {
    const { invitation } = stage;
    const { coordinator, ca, user, password, link, game_folder, program } = invitation;
    const file = makeRealmFile(folder, { coordinator, ca, name: 'Midgard', further: ['--program', program] });
    mkdirSync(state, { recursive: true });
    // The whole realm runs on this one machine: its own processes are the "other programs" here.
    writeFileSync(join(state, 'settings.json'), JSON.stringify({ theme: 'dark', client_folder: game_folder, manners: { cpu_percent: null, free_memory_mib: 256 } }));

    began = Date.now();
    let open = await Window.open(bifrost, ['--state', state]);
    window = open;
    const title = () => open.text('h1');
    const snap = async (what: string) => {
      await pause(0.7);
      number += 1;
      writeFileSync(join(pictures, `story-${number}-${what}.png`), await open.picture());
      say(`picture: ${what}: ${await title()}`);
    };
    const press = (label: string) =>
      open.run<boolean>('const it = [...document.querySelectorAll("button")].find((one) => one.textContent.trim() === arguments[0]); it?.click(); return !!it', label);
    const until = async (what: string, wanted: (news: News) => boolean, seconds: number): Promise<News> => {
      let news: News | null = null;
      await expect
        .poll(async () => wanted((news = await stage.tell('news'))), { timeout: seconds * 1_000, intervals: [250], message: what })
        .toBe(true);
      say(what);
      return news as unknown as News;
    };
    /** The player hunts on, in the session that it began with. */
    const hunts = async (when: string) => {
      const before = (await stage.tell('news')).hunts;
      const news = await until(`hunts ${when}`, ({ hunts }) => hunts > before + 3, 60);
      expect(news, when).toMatchObject({ lost: 0, logins: 1, relogins: 0, online: true });
    };

    await expect.poll(title, { timeout: 60_000, intervals: [20] }).not.toBe('');
    say('the window is there');
    await snap('first-start');
    await open.type('input[type="file"]', file);
    await expect.poll(title, { timeout: 30_000 }).toBe('Welcome to Midgard');
    await open.type('input[autocomplete="username"]', user);
    await open.type('input[type="password"]', password);
    await snap('sign-in');
    await open.click('form button[type="submit"]');
    await expect.poll(title, { timeout: 60_000 }).toBe('Connected to Midgard');
    say('signed in');
    await press('Dismiss');
    await open.click('[role="switch"]');
    await snap('measuring');
    await expect.poll(title, { timeout: 120_000 }).toMatch(/^(Ready to host|Hosting)/);
    say('hosting');
    // Nobody needs one host more, until others go home.
    for (let left = 0; left < 2 && (await stage.tell('news')).carried_players < 2; left += 1) {
      await stage.tell('leave');
      say('another host goes home');
      await expect.poll(async () => (await stage.tell('news')).limbo, { timeout: 30_000 }).toBe(0);
    }
    await until('players walk on maps of this PC', ({ carried_players }) => carried_players > 1, 240);
    await expect.poll(title, { timeout: 20_000 }).toMatch(/^Hosting for \d+ players/);
    await snap('hosting');

    const engines = ours(state).filter((pid) => name(pid) === 'map-server');
    expect(engines.length, 'stock map-servers of the launcher').toBeGreaterThan(0);
    for (const engine of engines) process.kill(engine, 'SIGKILL');
    say(`SIGKILL: ${engines.length} map-servers`);
    await snap('engine-killed');
    const after = await until('everybody has a map-server', ({ limbo }) => limbo === 0, 30);
    expect(after).toMatchObject({ relogins: 0, players: after.players });
    await until('hosting again', ({ carried_groups, standbys }) => carried_groups + standbys > 0, 120);

    // From its next start on, a cable that can be pulled.
    await open.close();
    plug(state, link);
    const again = Date.now();
    open = await Window.open(bifrost, ['--state', state]);
    window = open;
    await expect.poll(title, { timeout: 120_000 }).toMatch(/^(Ready to host|Hosting)/);
    say(`started again: hosting after ${((Date.now() - again) / 1_000).toFixed(1)} s, without a click`);

    expect(await press('Play')).toBe(true);
    await until('the game is in', ({ online, hunts }) => online && hunts > 0, 120);
    await snap('in-game');
    await stage.tell('pull');
    say('the cable is pulled');
    const pulled = Date.now();
    await expect.poll(() => open.run<string>('return document.body.textContent'), { timeout: 9_000 }).toContain('Your session is held.');
    await snap('cable-pulled');
    await pause(Math.max(0, 10 - (Date.now() - pulled) / 1_000));
    await stage.tell('plug');
    say('and plugged in');
    await hunts('after ten seconds without network');
    await until('hosting again', ({ carried_groups, standbys }) => carried_groups + standbys > 0, 240);

    await open.click('[role="switch"]');
    await expect.poll(title, { timeout: 10_000, intervals: [50] }).toMatch(/moving|stopp|Connected/i);
    await snap('draining');
    await expect.poll(title, { timeout: 60_000 }).toBe('Connected to Midgard');
    expect((await stage.tell('news')).carried_groups).toBe(0);
    expect(ours(state).filter((pid) => name(pid) === 'map-server')).toEqual([]);
    await stage.tell('kill');
    say('the host of the player is killed');
    await hunts('after its host was killed');
    await snap('still-in-game');

    for (const game of ours(state).filter((pid) => name(pid) === 'perl')) process.kill(game, 'SIGTERM');
    await expect.poll(() => open.run<boolean>('return [...document.querySelectorAll("button")].some((one) => one.textContent.trim() === "Play")'), { timeout: 30_000 }).toBe(true);
    await snap('game-over');
    expect(await stage.end()).toBe(0);
  } finally {
    await window?.close();
    stage.kill();
  }
});
