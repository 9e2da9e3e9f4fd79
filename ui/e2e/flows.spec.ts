import { expect, go, makeRealmFile, tamper, test } from './launcher';

test('from the first start to hosting, and back', async ({ page, open, folder }) => {
  await open('first-run');
  const file = makeRealmFile(folder);
  await page.getByLabel('Choose a realm file').setInputFiles(tamper(file));
  await expect(page.getByText('was changed after it was signed')).toBeVisible();
  await page.getByLabel('Choose a realm file').setInputFiles(file);

  const title = page.getByRole('heading', { level: 1 });
  await expect(title).toHaveText('Welcome to Midgard Lanterns');
  await page.getByLabel('Account').fill('wrong');
  await page.getByLabel('Password').fill('guess');
  await page.getByLabel('Password').press('Enter');
  await expect(page.getByRole('alert')).toContainText('Account name or password are not right');
  await expect(page.getByLabel('Password')).toHaveValue('');
  await page.getByLabel('Account').fill('sunflower');
  await page.getByLabel('Password').fill('secret');
  await page.getByRole('button', { name: 'Sign in' }).click();
  await expect(title).toHaveText('Connected to Midgard Lanterns');

  await page.getByRole('switch', { name: 'Host' }).click();
  await expect(title).toHaveText('Hosting for 7 players');
  await expect(page.getByText('Prontera fields', { exact: true })).toBeVisible();
  await expect(page.getByRole('img')).toHaveAccessibleName(/with 7 players on your maps/);

  await page.getByRole('switch', { name: 'Host' }).click();
  await expect(title).toHaveText(/Moving \d players?, then stopping/);
  await expect(title).toHaveText('Connected to Midgard Lanterns');
});

test('Enter plays, from anywhere on Home', async ({ page, open }) => {
  await open('hosting');
  await page.keyboard.press('Enter');
  await expect(page.getByRole('button', { name: 'In game' })).toBeVisible();
  await expect(page.getByText(/^since /)).toBeVisible();
});

test('everything is reached by keyboard', async ({ page, open }) => {
  await open('ready');
  const reached: string[] = [];
  for (let presses = 0; presses < 12; presses++) {
    await page.keyboard.press('Tab');
    reached.push(await page.evaluate(() => document.activeElement?.getAttribute('aria-label') ?? document.activeElement?.textContent?.trim() ?? ''));
  }
  for (const name of ['Home', 'My PC', 'Contribution', 'Settings', 'Doctor', 'Log', 'Set the folder', 'Host']) expect(reached).toContain(name);
});

test('settings are taken, kept and in force', async ({ page, open }) => {
  await open('ready');
  await go(page, 'Settings');
  await page.getByLabel('Folder of the game').fill('/games/Ragnarok');
  await page.getByLabel('Folder of the game').blur();
  await page.getByRole('switch', { name: 'Only at certain hours' }).click();
  await page.getByLabel('From').fill('09:30');
  await page.getByLabel('Most upload').fill('4');
  await page.getByLabel('Most upload').blur();
  await expect(page.getByText('About 200 players.')).toBeVisible();
  await page.getByLabel('Theme').selectOption('Light');
  await expect(page.locator('html')).toHaveAttribute('data-theme', 'light');
  await page.getByLabel('Language').selectOption('ไทย');
  await expect(page.locator('html')).toHaveAttribute('lang', 'th');
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('ตั้งค่า');

  await page.reload();
  await expect(page.getByRole('button', { name: 'เล่น' })).toBeVisible();
  await expect(page.getByText('30 MB')).toBeVisible();
});

test('a value that cannot be goes back to the one before', async ({ page, open }) => {
  await open('ready');
  await go(page, 'Settings');
  const upload = page.getByLabel('Most upload');
  await upload.fill('0');
  await upload.blur();
  await expect(upload).toHaveValue('1');
  await upload.fill('');
  await upload.blur();
  await expect(upload).toHaveValue('1');
});

test('the doctor says what is wrong, what would fix it, and gives a report', async ({ page, open, context }) => {
  await context.grantPermissions(['clipboard-read', 'clipboard-write']);
  await open('sick');
  await go(page, 'Doctor');
  await page.getByRole('button', { name: 'Check everything' }).click();
  await expect(page.getByRole('listitem').filter({ hasText: 'UDP gets through' })).toContainText('Let UDP through');
  await page.getByRole('button', { name: 'Copy report' }).click();
  await expect(page.getByRole('button', { name: 'Copied' })).toBeVisible();
  expect(await page.evaluate(() => navigator.clipboard.readText())).toContain('BROKEN   Udp');
});

test('trouble offers to try again at once', async ({ page, open }) => {
  await open('failed');
  await expect(page.getByText('has taken this PC out of hosting')).toBeVisible();
  await page.getByRole('button', { name: 'Try again now' }).click();
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('Hosting has stopped');
});

test('signing out forgets the account', async ({ page, open }) => {
  await open('ready');
  await go(page, 'Settings');
  await page.getByRole('button', { name: 'Sign out' }).click();
  await go(page, 'Home');
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('Welcome to Midgard Lanterns');
});

test('a launcher that ends is said, and found again', async ({ page, open }) => {
  const { child } = await open('ready');
  await go(page, 'Settings');
  const ended = new Promise((resolve) => child.once('exit', resolve));
  await page.getByRole('button', { name: 'Quit Bifrost' }).click();
  await ended;
  await expect(page.getByRole('alert')).toContainText('The launcher has stopped');
});
