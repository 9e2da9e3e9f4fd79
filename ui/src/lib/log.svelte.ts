import type { LogLine } from './bindings';
import type { Session } from './session.svelte';

/** Lines that are shown. */
const KEPT = 500;

/** The log, newest first, fetched piece by piece. */
export class LogStore {
  lines = $state.raw<LogLine[]>([]);

  constructor(private readonly session: Session) {}

  async refresh(): Promise<void> {
    const after = this.lines[0]?.number ?? 0;
    const answer = await this.session.ask({ question: 'log', after }).catch(() => null);
    if (answer?.answer !== 'log' || answer.lines.length === 0) return;
    this.lines = [...answer.lines.reverse(), ...this.lines].slice(0, KEPT);
  }

  async exported(): Promise<string> {
    const answer = await this.session.ask({ question: 'log_export' });
    return answer.answer === 'text' ? answer.text : '';
  }
}
