import { expect, test } from './launcher';

const languages = ['en-US', 'pt-BR', 'th-TH', 'id-ID', 'fil-PH', 'zh-TW', 'zh-CN', 'ko-KR'];
/** The usual window, the smallest, and both at 200 %. */
const sizes = [
  [960, 640],
  [720, 520],
  [480, 320],
  [360, 260],
] as const;

for (const locale of languages) {
  test.describe(locale, () => {
    test.use({ locale });
    test('fits every window, on every screen', async ({ page, open }) => {
      await open('not-eligible');
      await expect(page.locator('html')).toHaveAttribute('lang', locale.startsWith('zh') ? locale : new RegExp(`^${locale.split('-')[0]}`));
      await page.evaluate(() => document.fonts.ready);
      for (const [width, height] of sizes) {
        await page.setViewportSize({ width, height });
        for (const button of await page.getByRole('navigation').getByRole('button').all()) {
          await button.click();
          const outside = await page.evaluate(() => {
            const main = document.querySelector('main');
            if (!main) return ['no main'];
            const wide = main.scrollWidth > main.clientWidth + 1 ? [`main is ${main.scrollWidth} of ${main.clientWidth} wide`] : [];
            const cut = [...main.querySelectorAll('button, h1, h2, label, dd')]
              .filter((element) => element.scrollWidth > element.clientWidth + 2 && getComputedStyle(element).display !== 'inline')
              .map((element) => `cut: ${element.textContent?.trim().slice(0, 60)}`);
            return [...wide, ...cut];
          });
          expect(outside, `${width}x${height} ${await button.textContent()}`).toEqual([]);
        }
      }
    });
  });
}

test('without motion the band is a still picture', async ({ page, open }) => {
  await open('hosting');
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('Hosting for 7 players');
  const picture = () => page.locator('canvas').evaluate((canvas: HTMLCanvasElement) => canvas.toDataURL());
  const first = await picture();
  await page.waitForTimeout(400);
  expect(await picture()).toBe(first);
});

test('with motion the band lives', async ({ page, open }) => {
  await page.emulateMedia({ reducedMotion: 'no-preference' });
  await open('hosting');
  const picture = () => page.locator('canvas').evaluate((canvas: HTMLCanvasElement) => canvas.toDataURL());
  const first = await picture();
  await expect.poll(picture).not.toBe(first);
});
