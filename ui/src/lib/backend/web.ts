import type { Answer, Command, CommandCode, CommandError, Question, View } from '../bindings';
import { Refusal, type Backend } from './types';
import { eventData } from './events';

/** How long to wait before looking for a lost launcher again. */
const AGAIN_MS = 1_000;
const TOKEN_KEY = 'bifrost-token';

/** The token of this run: from the address that was opened, kept for reloads of this tab only. */
function takeToken(): string {
  const found = /[#&]token=([0-9a-f]+)/.exec(location.hash)?.[1];
  if (found) {
    sessionStorage.setItem(TOKEN_KEY, found);
    history.replaceState(null, '', location.pathname + location.search);
  }
  return found ?? sessionStorage.getItem(TOKEN_KEY) ?? '';
}

/** The headless launcher (`bifrost-launcher serve`), over HTTP on loopback. */
export function webBackend(): Backend {
  const headers = { authorization: `Bearer ${takeToken()}`, 'content-type': 'application/json' };

  async function post(path: string, body: unknown): Promise<Response> {
    try {
      return await fetch(path, { method: 'POST', headers, body: JSON.stringify(body) });
    } catch {
      throw new Refusal('lost', 'the launcher does not answer');
    }
  }

  async function follow(signal: AbortSignal, onView: (view: View) => void, onFound: () => void): Promise<void> {
    const response = await fetch('/api/views', { headers, signal });
    if (!response.ok || !response.body) throw new Refusal('lost', `the launcher answers ${response.status}`);
    onFound();
    for await (const data of eventData(response.body)) onView(JSON.parse(data) as View);
  }

  return {
    watch(onView, onLost) {
      const stop = new AbortController();
      const run = async () => {
        while (!stop.signal.aborted) {
          await follow(stop.signal, onView, () => onLost(false)).catch(() => undefined);
          if (stop.signal.aborted) return;
          onLost(true);
          await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
        }
      };
      void run();
      return () => stop.abort();
    },
    async command(command: Command) {
      const response = await post('/api/command', command);
      if (response.ok) return;
      const error = (await response.json().catch(() => null)) as CommandError | null;
      throw new Refusal((error?.code ?? 'lost') as CommandCode | 'lost', error?.message ?? `status ${response.status}`);
    },
    async ask(question: Question) {
      const response = await post('/api/question', question);
      if (!response.ok) throw new Refusal('lost', `status ${response.status}`);
      return (await response.json()) as Answer;
    },
  };
}
