import type { View } from '../bindings';

/** What the band shows. Positions run from 0 (this PC) to 1 (the realm). */
export interface Scene {
  /** How strongly the ribbon glows: 0 is a thin grey line. */
  glow: number;
  /** One for each player on this PC's maps, up to {@link MAX_LIGHTS}. */
  lights: number;
  /** Whether lights are leaving. */
  leaving: boolean;
  /** Where the ribbon is broken. */
  broken: number | null;
  /** Whether something is under way: a gleam travels along. */
  seeking: boolean;
}

/** More lights than this are a blur; the words have the number. */
export const MAX_LIGHTS = 60;

const dark: Scene = { glow: 0, lights: 0, leaving: false, broken: null, seeking: false };

/** The picture of a state. */
export function sceneOf(view: View): Scene {
  const phase = view.phase;
  switch (phase.phase) {
    case 'no_realm':
    case 'signed_out':
      return dark;
    case 'signing_in':
    case 'connecting':
    case 'benchmarking':
      return { ...dark, glow: 0.35, seeking: true };
    case 'updating':
      return { ...dark, glow: 0.25, seeking: true };
    case 'offline':
      return { ...dark, glow: 0.5, broken: { me: 0.14, network: 0.5, realm: 0.86, certificate: 0.86 }[phase.trouble] };
    case 'ready':
    case 'not_eligible':
    case 'paused':
      return { ...dark, glow: 0.55 };
    case 'eligible':
      return { ...dark, glow: 0.75 };
    case 'hosting':
      return { ...dark, glow: 1, lights: Math.min(phase.players, MAX_LIGHTS) };
    case 'draining':
      return { ...dark, glow: 0.8, lights: Math.min(phase.players, MAX_LIGHTS), leaving: true };
    case 'failed':
      return { ...dark, glow: 0.4, broken: 0.14 };
    default:
      return phase satisfies never;
  }
}

/** A light's place: spread over the sky like seeds of a sunflower, always the same for the same number. */
export function placeOf(index: number): { x: number; y: number } {
  const turn = (index * 0.618_034 + 0.13) % 1;
  const rise = (index * 0.754_878 + 0.41) % 1;
  return { x: 0.44 + 0.5 * turn, y: 0.07 + 0.27 * rise };
}
