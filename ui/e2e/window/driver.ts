import { spawn, type ChildProcess } from 'node:child_process';
import { createServer } from 'node:net';
import { expect } from '@playwright/test';

/** The key under which WebDriver hands out elements. */
const ELEMENT = 'element-6066-11e4-a52e-4f735466cecf';

async function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer();
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address ? address.port : 0));
    });
  });
}

/** How long it may take to end when asked to, in milliseconds, and further variables of its environment. */
interface Opening {
  patience?: number;
  further?: Record<string, string>;
}

/** A window of a program, driven by WebKitWebDriver: as much of the protocol as is needed here. */
export class Window {
  private constructor(
    private readonly driver: ChildProcess,
    private readonly session: string,
    private readonly patience: number,
  ) {}

  static async open(binary: string, args: string[], { patience = 45_000, further = {} }: Opening = {}): Promise<Window> {
    const port = await freePort();
    const environment = { ...process.env, ...further, TAURI_AUTOMATION: 'true', TAURI_WEBVIEW_AUTOMATION: 'true' };
    const driver = spawn('WebKitWebDriver', [`--port=${port}`, '--host=127.0.0.1'], { env: environment, stdio: 'ignore' });
    const base = `http://127.0.0.1:${port}`;
    await expect.poll(() => fetch(`${base}/status`).then((answer) => answer.ok, () => false), { timeout: 10_000 }).toBe(true);
    const capabilities = { alwaysMatch: { 'webkitgtk:browserOptions': { binary, args } } };
    const answer = await fetch(`${base}/session`, { method: 'POST', body: JSON.stringify({ capabilities }) });
    const { value } = (await answer.json()) as { value: { sessionId?: string; message?: string } };
    if (!value.sessionId) {
      driver.kill();
      throw new Error(`no session: ${value.message}`);
    }
    return new Window(driver, `${base}/session/${value.sessionId}`, patience);
  }

  private async post<T>(path: string, body: unknown): Promise<T> {
    const answer = await fetch(`${this.session}/${path}`, { method: 'POST', body: JSON.stringify(body) });
    const { value } = (await answer.json()) as { value: T & { error?: string; message?: string } };
    if (!answer.ok) throw new Error(`${path}: ${value.error} ${value.message}`);
    return value;
  }

  run<T>(script: string, ...args: unknown[]): Promise<T> {
    return this.post('execute/sync', { script, args });
  }

  /** The text of the first element that a selector finds; empty when there is none. */
  text(selector: string): Promise<string> {
    return this.run('return document.querySelector(arguments[0])?.textContent?.trim() ?? ""', selector);
  }

  private async element(selector: string): Promise<string> {
    const found = await this.post<Record<string, string>>('element', { using: 'css selector', value: selector });
    return found[ELEMENT] ?? '';
  }

  async type(selector: string, text: string): Promise<void> {
    await this.post(`element/${await this.element(selector)}/value`, { text });
  }

  async click(selector: string): Promise<void> {
    await this.post(`element/${await this.element(selector)}/click`, {});
  }

  async picture(): Promise<Buffer> {
    const answer = await fetch(`${this.session}/screenshot`);
    const { value } = (await answer.json()) as { value: string };
    return Buffer.from(value, 'base64');
  }

  /** Ends the program: closing its window would leave it in the tray. */
  async close(): Promise<void> {
    const shows = () => this.run<string>('return document.readyState').then(() => true, () => false);
    await this.run('void window.__TAURI_INTERNALS__.invoke("command", { command: { command: "quit" } })').catch(() => undefined);
    // It moves the players of its maps first. Hello world has no such command, and no players.
    for (const since = Date.now(); Date.now() - since < this.patience && (await shows()); ) await new Promise((resolve) => setTimeout(resolve, 100));
    await fetch(this.session, { method: 'DELETE' }).catch(() => undefined);
    this.driver.kill();
  }
}
