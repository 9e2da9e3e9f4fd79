import type { Answer, Command, Question, Settings, View } from './bindings';
import { Refusal, type Backend } from './backend/types';

/** What the launcher shows, and how it is asked. The one store of truth; everything else is derived from it. */
export class Session {
  view = $state.raw<View | null>(null);
  /** Whether the launcher has stopped answering. */
  lost = $state(false);
  /** The last command that was not taken, until the next one is. */
  refusal = $state.raw<Refusal | null>(null);
  private stop: () => void = () => undefined;

  constructor(private readonly backend: Backend) {}

  open(): void {
    this.stop = this.backend.watch(
      (view) => (this.view = view),
      (lost) => (this.lost = lost),
    );
  }

  close(): void {
    this.stop();
  }

  /** Asks for something. Returns whether it was taken; a refusal is shown. */
  async command(command: Command): Promise<boolean> {
    try {
      await this.backend.command(command);
      this.refusal = null;
      return true;
    } catch (error) {
      this.refusal = error instanceof Refusal ? error : new Refusal('lost', String(error));
      return false;
    }
  }

  ask(question: Question): Promise<Answer> {
    return this.backend.ask(question);
  }

  /** Changes some of the settings. */
  change(some: Partial<Settings>): Promise<boolean> {
    const settings = this.view?.settings;
    if (!settings) return Promise.resolve(false);
    return this.command({ command: 'change_settings', settings: { ...settings, ...some } });
  }
}
