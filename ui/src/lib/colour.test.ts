import { expect, test } from 'vitest';
import { accentOn, contrast, parse } from './colour';

test('contrast is what WCAG says', () => {
  expect(contrast(parse('#000000'), parse('#ffffff'))).toBeCloseTo(21);
  expect(contrast(parse('#777777'), parse('#ffffff'))).toBeCloseTo(4.48, 1);
});

test('any accent can be read, on it and beside it', () => {
  for (const accent of ['#000000', '#ffffff', '#ffff00', '#0000ff', '#808080', '#3ddc97', '#f0a868', '#ff0000']) {
    for (const page of ['#0e1420', '#eef2f7', '#161e2e', '#ffffff']) {
      const { fill, on, text, mark } = accentOn(accent, page);
      expect(contrast(parse(on), parse(fill)), `${accent}: text on it`).toBeGreaterThanOrEqual(4.5);
      expect(contrast(parse(text), parse(page)), `${accent} on ${page}`).toBeGreaterThanOrEqual(4.5);
      expect(contrast(parse(mark), parse(page)), `${accent} drawn on ${page}`).toBeGreaterThanOrEqual(3);
    }
  }
});

test('what is no colour is a colour all the same', () => {
  expect(parse('red')).toEqual(parse('#38bdf8'));
});
