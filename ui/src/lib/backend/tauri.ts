import { Channel, invoke } from '@tauri-apps/api/core';
import type { Answer, Command, CommandError, Question, View } from '../bindings';
import { Refusal, type Backend } from './types';

function isError(error: unknown): error is CommandError {
  return typeof error === 'object' && error !== null && 'code' in error && 'message' in error;
}

/** The launcher's own window: the same three requests, over Tauri. */
export function tauriBackend(): Backend {
  return {
    watch(onView, onLost) {
      let open = true;
      const views = new Channel<View>();
      views.onmessage = (view) => {
        if (open) onView(view);
      };
      invoke('watch', { views }).then(
        () => onLost(false),
        () => onLost(true),
      );
      return () => (open = false);
    },
    async command(command: Command) {
      await invoke('command', { command }).catch((error: unknown) => {
        throw isError(error) ? new Refusal(error.code, error.message) : new Refusal('lost', String(error));
      });
    },
    ask(question: Question) {
      return invoke<Answer>('ask', { question });
    },
  };
}
