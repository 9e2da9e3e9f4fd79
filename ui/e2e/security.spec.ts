import { expect, test } from './launcher';

test('nothing is answered without the token of this run', async ({ launch, request }) => {
  const { address, token } = await launch('--scenario', 'ready');
  const command = (headers: Record<string, string>) => request.post(`http://${address}/api/command`, { headers, data: { command: 'retry' } });
  expect((await command({})).status()).toBe(401);
  expect((await command({ authorization: 'Bearer 00' })).status()).toBe(401);
  expect((await command({ authorization: `Bearer ${token}` })).status()).toBe(204);
  expect((await command({ authorization: `Bearer ${token}`, host: 'evil.example' })).status()).toBe(421);
});

test('the token leaves the address bar, and a reload still works', async ({ page, open }) => {
  await open('ready');
  expect(page.url()).not.toContain('token');
  await page.reload();
  await expect(page.getByRole('heading', { level: 1 })).toHaveText(/Connected/);
});

test('the page may load nothing from elsewhere and run nothing that is not a file of ours', async ({ page, open }) => {
  const { address } = await open('ready');
  const policy = (await page.request.get(`http://${address}/`)).headers()['content-security-policy'] ?? '';
  expect(policy).toContain("default-src 'none'");
  expect(policy).not.toContain('unsafe');
  const blocked = await page.evaluate(
    () =>
      new Promise<string>((resolve) => {
        document.addEventListener('securitypolicyviolation', (event) => resolve(event.effectiveDirective));
        const script = document.createElement('script');
        script.textContent = 'window.ran = true';
        document.body.append(script);
      }),
  ).catch(() => '');
  expect(blocked).toContain('script-src');
});
