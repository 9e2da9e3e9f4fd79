import { expect, test } from 'vitest';
import type { Language } from '../bindings';
import { languages, load, nearest, Translation } from './index.svelte';
import { en } from './locales/en';
import { choose, fill, places, type Counted, type Text } from './message';

type Flat = Map<string, Text | Counted>;

function flat(messages: Record<string, Record<string, Text | Counted>>): Flat {
  return new Map(
    Object.entries(messages).flatMap(([section, inner]) => Object.entries(inner).map(([name, text]) => [`${section}.${name}`, text] as const)),
  );
}

const english = flat(en);
const others = languages.filter((language): language is Exclude<Language, 'en'> => language !== 'en');

function forms(message: Text | Counted | undefined): string[] {
  return message === undefined ? [] : typeof message === 'string' ? [message] : Object.values(message);
}

test.each(others)('%s has every message, and none that nobody asks for', async (language) => {
  const keys = [...flat(await load(language)).keys()].sort();
  expect(keys).toEqual([...english.keys()].sort());
});

test.each(others)('%s has a value in every place of every message', async (language) => {
  for (const [key, message] of flat(await load(language))) {
    const wanted = new Set(forms(english.get(key)).flatMap(places));
    for (const form of forms(message)) {
      expect(form.trim(), key).not.toBe('');
      for (const place of places(form)) expect(wanted, `${key}: {${place}}`).toContain(place);
    }
    const found = new Set(forms(message).flatMap(places));
    for (const place of wanted) if (place !== 'count') expect(found, `${key}: {${place}}`).toContain(place);
    if (wanted.has('count')) expect(found, key).toContain('count');
  }
});

test.each(languages)('%s has a form for every number', async (language) => {
  const rules = new Intl.PluralRules(language);
  const categories = new Set(Array.from({ length: 200 }, (_, count) => rules.select(count)));
  for (const [key, message] of flat(await load(language))) {
    if (typeof message === 'string') continue;
    for (const category of categories) expect(message[category] ?? message.other, `${key} ${category}`).toBeTruthy();
    if (language === 'en' || language === 'pt-BR') expect(message.one, key).toBeTruthy();
  }
});

test.each(others)('%s is translated', async (language) => {
  const own = flat(await load(language));
  const same = [...own].filter(([key, message]) => forms(message).join() === forms(english.get(key)).join() && /[a-z]{4}/i.test(forms(message).join('').replaceAll(/\{\w+\}|Mbit\/s/g, '')));
  expect(same.map(([key]) => key).length, same.map(([key]) => key).join(' ')).toBeLessThan(16);
});

test('places without a value stay visible', () => {
  expect(fill('{a} and {b}', { a: '1' })).toBe('1 and {b}');
});

test('forms are chosen by the language', () => {
  const counted = { one: 'one', few: 'few', other: 'other' };
  expect(choose(counted, 1, new Intl.PluralRules('en'))).toBe('one');
  expect(choose(counted, 0, new Intl.PluralRules('en'))).toBe('other');
  expect(choose(counted, 0, new Intl.PluralRules('pt-BR'))).toBe('one');
  expect(choose({ other: 'all' }, 1, new Intl.PluralRules('ko'))).toBe('all');
});

test('systems get the language that comes nearest', () => {
  expect(nearest(['pt-PT', 'en'])).toBe('pt-BR');
  expect(nearest(['zh-HK'])).toBe('zh-TW');
  expect(nearest(['zh-Hans-SG'])).toBe('zh-CN');
  expect(nearest(['tl-PH'])).toBe('fil');
  expect(nearest(['de-DE', 'ko-KR'])).toBe('ko');
  expect(nearest(['de'])).toBe('en');
});

test('numbers and lists are written as the language does', async () => {
  const i18n = new Translation();
  await i18n.use('pt-BR');
  expect(i18n.number(1234.56)).toBe('1.234,6');
  expect(i18n.list(['a', 'b', 'c'])).toBe('a, b e c');
  expect(i18n.count(i18n.m.common.players, 1)).toBe('1 jogador');
  await i18n.use('ko');
  expect(i18n.minute(8 * 60)).toContain('8:00');
});
