import { defineConfig } from '@playwright/test';

// The real UI in a plain browser against the real controller: each test starts a launcher of its own, headless and scripted.
export default defineConfig({
  testDir: 'e2e',
  testIgnore: 'window/**',
  outputDir: 'test-results',
  snapshotPathTemplate: '{testDir}/snapshots/{arg}{ext}',
  fullyParallel: true,
  forbidOnly: true,
  workers: 2,
  timeout: 30_000,
  // On a machine that does a lot beside, a browser now and then takes longer than anybody would wait.
  retries: 1,
  expect: { timeout: 8_000 },
  reporter: [['line']],
  use: {
    viewport: { width: 960, height: 640 },
    locale: 'en-US',
    timezoneId: 'UTC',
    colorScheme: 'dark',
    contextOptions: { reducedMotion: 'reduce' },
    launchOptions: { executablePath: process.env['CHROMIUM'] ?? '/usr/bin/chromium', args: ['--no-sandbox'] },
  },
});
