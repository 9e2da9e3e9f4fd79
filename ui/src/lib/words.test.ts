import { describe, expect, test } from 'vitest';
import type { Criterion, Phase } from './bindings';
import { languages, Translation } from './i18n/index.svelte';
import { viewWith } from './testing';
import { barOf, gradeOf, groupName, helpText, mapsOf, measureText, megabytesPerMinute, wordsFor } from './words';

const problem = { code: 'revoked', detail: '' } as const;
const phases: Phase[] = [
  { phase: 'no_realm', problem: null },
  { phase: 'no_realm', problem: { code: 'realm_tampered', detail: '' } },
  { phase: 'signed_out', problem: null },
  { phase: 'signed_out', problem: { code: 'wrong_password', detail: '' } },
  { phase: 'signing_in' },
  ...(['me', 'network', 'realm', 'certificate'] as const).map((trouble) => ({ phase: 'offline', trouble, retry_in_seconds: 2 }) as const),
  { phase: 'ready' },
  { phase: 'connecting' },
  ...(['machine', 'network', 'confirming'] as const).map((step) => ({ phase: 'benchmarking', step }) as const),
  { phase: 'not_eligible', unmet: ['upload', 'memory'], ready_in_minutes: null },
  { phase: 'not_eligible', unmet: ['uptime'], ready_in_minutes: 12 },
  { phase: 'eligible' },
  { phase: 'hosting', groups: 1, players: 0 },
  { phase: 'hosting', groups: 2, players: 7 },
  ...(['stop', 'pause', 'quit', 'sign_out'] as const).map((then) => ({ phase: 'draining', players: 7, then }) as const),
  { phase: 'paused', why: [{ why: 'on_battery' }, { why: 'outside_hours', from_minute: 1320 }] },
  { phase: 'updating', version: '0.2.0', percent: 40 },
  { phase: 'failed', problem },
];

describe.each(languages)('in %s', (language) => {
  test('every state has words without holes', async () => {
    const i18n = new Translation();
    await i18n.use(language);
    for (const phase of phases) {
      const { title, detail } = wordsFor(viewWith(phase), i18n);
      expect(title, phase.phase).not.toMatch(/^$|\{|undefined/);
      expect(detail, phase.phase).not.toMatch(/^$|\{|undefined/);
    }
  });
});

test('the words say the numbers', () => {
  const i18n = new Translation();
  expect(wordsFor(viewWith({ phase: 'draining', players: 7, then: 'stop' }), i18n).title).toBe('Moving 7 players, then stopping');
  expect(wordsFor(viewWith({ phase: 'draining', players: 1, then: 'stop' }), i18n).title).toBe('Moving 1 player, then stopping');
  expect(wordsFor(viewWith({ phase: 'not_eligible', unmet: ['uptime'], ready_in_minutes: 12 }), i18n).title).toBe('Ready to host in 12 minutes');
});

const upload: Criterion = { name: 'upload', value: 14, threshold: 10, at_most: false, met: true, help: { help: 'none' } };

test('a criterion is one plain sentence', () => {
  const i18n = new Translation();
  expect(measureText(upload, i18n)).toBe('14 Mbit/s, needs 10 Mbit/s');
  const latency: Criterion = { ...upload, name: 'latency', value: 180, threshold: 100, at_most: true, met: false, help: { help: 'network' } };
  expect(measureText(latency, i18n)).toBe('180 ms, needs 100 ms or less');
  expect(helpText(latency, i18n)).toContain('cable');
  expect(measureText({ ...latency, value: null }, i18n)).toBe('being measured, needs 100 ms');
  const uptime: Criterion = { ...upload, name: 'uptime', value: 18.4, threshold: 30, met: false, help: { help: 'time', minutes: 12 } };
  expect(measureText(uptime, i18n)).toBe('18 minutes, needs 30 minutes');
  expect(helpText(uptime, i18n)).toBe('Only time: ready in 12 minutes.');
  const standing: Criterion = { ...uptime, name: 'standing', value: 12, threshold: 0, at_most: true };
  expect(helpText(standing, i18n)).toBe('Your PC gave players what its maps do not have. No maps for 12 minutes.');
});

test('bars stand on the right side of their threshold', () => {
  for (const value of [0.1, 5, 9.9, 10, 10.1, 50, 100_000]) {
    const most = barOf({ ...upload, value, at_most: true });
    const least = barOf({ ...upload, value });
    expect(least.value >= least.threshold, `${value} at least`).toBe(value >= 10);
    expect(most.value <= most.threshold + 1e-9, `${value} at most`).toBe(value <= 10);
    expect(Math.max(least.value, most.value)).toBeLessThanOrEqual(1);
  }
});

test('groups are named as people read them, the fullest first', () => {
  const i18n = new Translation();
  const group = (name: string, players: number) => ({ name, maps: [], players, live: true });
  expect(groupName('prontera_fields')).toBe('Prontera fields');
  const view = viewWith({ phase: 'hosting', groups: 3, players: 9 }, { groups: [group('a', 1), group('payon_cave', 5), group('meadow', 3)] });
  expect(mapsOf(view, i18n)).toBe('Payon cave, Meadow and 1 more');
  expect(mapsOf({ ...view, groups: view.groups.slice(0, 2) }, i18n)).toBe('Payon cave and A');
});

test('rates and grades are what people feel', () => {
  expect(megabytesPerMinute(500)).toBe(75);
  expect([0.4, 5, 12, 40].map(gradeOf)).toEqual(['excellent', 'excellent', 'good', 'rough']);
});
