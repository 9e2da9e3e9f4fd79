import { expect, test } from 'vitest';
import { viewWith } from '../testing';
import { MAX_LIGHTS, placeOf, sceneOf } from './scene';

test('the band breaks where the trouble is', () => {
  const broken = (trouble: 'me' | 'network' | 'realm') =>
    sceneOf(viewWith({ phase: 'offline', trouble, retry_in_seconds: 3 })).broken ?? 0;
  expect(broken('me')).toBeLessThan(broken('network'));
  expect(broken('network')).toBeLessThan(broken('realm'));
});

test('every player is a light, up to what can be told apart', () => {
  expect(sceneOf(viewWith({ phase: 'hosting', groups: 1, players: 7 })).lights).toBe(7);
  expect(sceneOf(viewWith({ phase: 'hosting', groups: 1, players: 700 })).lights).toBe(MAX_LIGHTS);
  expect(sceneOf(viewWith({ phase: 'draining', players: 3, then: 'stop' }))).toMatchObject({ lights: 3, leaving: true });
});

test('lights have places of their own within the sky', () => {
  const places = Array.from({ length: MAX_LIGHTS }, (_, index) => placeOf(index));
  for (const { x, y } of places) {
    expect(x).toBeGreaterThan(0.4);
    expect(x).toBeLessThan(0.96);
    expect(y).toBeLessThan(0.6);
  }
  expect(new Set(places.map(({ x, y }) => `${x.toFixed(3)} ${y.toFixed(3)}`)).size).toBe(MAX_LIGHTS);
});
