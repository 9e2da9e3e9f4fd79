import { expect, test } from 'vitest';
import { areaOf, minutesIn } from './chart';
import { minuteOf, timeOf } from './time';

test('minutes of the day go to a time input and back', () => {
  for (const minute of [0, 5, 719, 1439]) expect(minuteOf(timeOf(minute))).toBe(minute);
  expect(timeOf(485)).toBe('08:05');
  for (const text of ['', '25:00', 'x']) expect(minuteOf(text)).toBeNull();
});

test('a day of hours adds up', () => {
  const hour = (minutes: number) => ({ start: 0, minutes, players: 1 });
  expect(minutesIn([hour(60), hour(44.6)])).toBe(105);
  expect(minutesIn([hour(0.2)])).toBe(1);
  expect(minutesIn([hour(0)])).toBe(0);
});

test('a line stays within its chart', () => {
  const path = areaOf([0, 1, 0.5, 2, -1]);
  expect(path.startsWith('M0 54.0')).toBe(true);
  const heights = [...path.matchAll(/ (-?[\d.]+)(?= C|$| )/g)].map((match) => Number(match[1]));
  expect(Math.min(...heights)).toBeGreaterThanOrEqual(0);
});
