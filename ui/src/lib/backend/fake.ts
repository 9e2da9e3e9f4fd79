import type { Answer, Command, Question, View } from '../bindings';
import type { Backend } from './types';

/** A backend for tests of stores: shows the views it is given and writes down what it is asked. */
export class FakeBackend implements Backend {
  readonly commands: Command[] = [];
  refusal: Error | null = null;
  answer: Answer = { answer: 'text', text: '' };
  private onView: (view: View) => void = () => undefined;
  private onLost: (lost: boolean) => void = () => undefined;

  watch(onView: (view: View) => void, onLost: (lost: boolean) => void): () => void {
    this.onView = onView;
    this.onLost = onLost;
    return () => undefined;
  }

  show(view: View): void {
    this.onLost(false);
    this.onView(view);
  }

  lose(): void {
    this.onLost(true);
  }

  command(command: Command): Promise<void> {
    this.commands.push(command);
    return this.refusal ? Promise.reject(this.refusal) : Promise.resolve();
  }

  ask(_question: Question): Promise<Answer> {
    return Promise.resolve(this.answer);
  }
}
