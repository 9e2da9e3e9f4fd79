import type { Answer, Command, CommandCode, Question, View } from '../bindings';

/** What a window needs from the launcher. Commands ask, views tell. */
export interface Backend {
  /** Calls back with every view from now on; the first one comes soon. Returns how to stop. */
  watch(onView: (view: View) => void, onLost: (lost: boolean) => void): () => void;
  /** Asks for something. Rejects with a {@link Refusal} when it is not taken. */
  command(command: Command): Promise<void>;
  /** Asks to know something. */
  ask(question: Question): Promise<Answer>;
}

/** A command that was not taken. `lost` is this side's own: nobody answered. */
export class Refusal extends Error {
  constructor(
    readonly code: CommandCode | 'lost',
    message: string,
  ) {
    super(message);
    this.name = 'Refusal';
  }
}
