import type { Backend } from './types';
import { webBackend } from './web';

export { Refusal, type Backend } from './types';

/** The backend of this window. */
export function openBackend(): Promise<Backend> {
  if ('__TAURI_INTERNALS__' in window) return import('./tauri').then((module) => module.tauriBackend());
  return Promise.resolve(webBackend());
}
