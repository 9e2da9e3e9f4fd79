import AxeBuilder from '@axe-core/playwright';
import { expect, go, test } from './launcher';

/** Every scripted state, with words that say it has been reached. */
const states: Record<string, RegExp> = {
  'first-run': /Open your realm file/,
  'sign-in': /Welcome to Midgard Lanterns/,
  ready: /Connected to Midgard Lanterns/,
  'offline-me': /This PC has no network/,
  'offline-network': /The realm is out of reach/,
  'offline-realm': /is not answering/,
  certificate: /This may not be/,
  connecting: /Connecting/,
  benchmarking: /Measuring your connection/,
  'not-eligible': /Your PC cannot host yet/,
  'almost-eligible': /Ready to host in 12 minutes/,
  eligible: /Ready to host/,
  hosting: /Hosting for 7 players/,
  'hosting-many': /Hosting for 60 players/,
  draining: /Moving 7 players, then stopping/,
  paused: /Hosting is paused/,
  updating: /Installing version 0.2.0/,
  failed: /Hosting has stopped/,
  playing: /Hosting for 7 players/,
  crashed: /Connected to Midgard Lanterns/,
  unpatched: /Connected to Midgard Lanterns/,
};

for (const [scenario, title] of Object.entries(states)) {
  test(`${scenario}: is said, can be read, and nothing in it keeps anybody out`, async ({ page, open }) => {
    await open(scenario);
    await expect(page.getByRole('heading', { level: 1 })).toHaveText(title);
    // The next try is counted down.
    const still = await page.locator('main').ariaSnapshot();
    expect(still.replaceAll(/in \d+ seconds?/g, 'in N seconds').replaceAll(/(signed by) [0-9a-f ]{14}/g, '$1 KEY')).toMatchSnapshot(`${scenario}.aria.txt`);
    for (const colorScheme of ['dark', 'light'] as const) {
      await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
      const { violations } = await new AxeBuilder({ page }).withTags(['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']).analyze();
      expect(violations.map(({ id, nodes }) => `${colorScheme} ${id}: ${nodes.map((node) => node.html).join(' ')}`)).toEqual([]);
    }
  });
}

for (const screen of ['My PC', 'Contribution', 'Settings', 'Doctor', 'Log']) {
  test(`${screen}: can be read, and nothing in it keeps anybody out`, async ({ page, open }) => {
    await open('sick');
    await go(page, screen);
    if (screen === 'Doctor') {
      await page.getByRole('button', { name: 'Check everything' }).click();
      await expect(page.getByText('6 things to look at.')).toBeVisible();
    }
    for (const colorScheme of ['dark', 'light'] as const) {
      await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
      const { violations } = await new AxeBuilder({ page }).withTags(['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']).analyze();
      expect(violations.map(({ id, nodes }) => `${colorScheme} ${id}: ${nodes.map((node) => node.html).join(' ')}`)).toEqual([]);
    }
  });
}

test('the six bars say their numbers to everybody', async ({ page, open }) => {
  await open('not-eligible');
  await go(page, 'My PC');
  await expect(page.getByRole('main')).toMatchAriaSnapshot({ name: 'my-pc.aria.yml' });
});
