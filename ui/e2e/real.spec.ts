import { join } from 'node:path';
import { expect, go, makeRealmFile, test } from './launcher';
import { Realm } from './realm';

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
