import { defineConfig } from '@playwright/test';

// The real window under a virtual screen, through WebKit's own WebDriver: no browser of Playwright's takes part.
export default defineConfig({
  testDir: 'e2e/window',
  outputDir: 'test-results/window',
  forbidOnly: true,
  workers: 1,
  timeout: 180_000,
  reporter: [['line']],
});
