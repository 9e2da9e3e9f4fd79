import { expect, test } from 'vitest';
import { FakeBackend } from './backend/fake';
import { Refusal } from './backend/types';
import { LogStore } from './log.svelte';
import { Session } from './session.svelte';
import { viewWith } from './testing';

test('views are shown as they come, and a lost launcher is said', () => {
  const backend = new FakeBackend();
  const session = new Session(backend);
  session.open();
  expect(session.view).toBeNull();
  backend.show(viewWith({ phase: 'ready' }));
  expect(session.view?.phase.phase).toBe('ready');
  backend.lose();
  expect(session.lost).toBe(true);
  expect(session.view?.phase.phase).toBe('ready');
});

test('a refusal is kept until the next command is taken', async () => {
  const backend = new FakeBackend();
  const session = new Session(backend);
  backend.refusal = new Refusal('not_now', 'the game runs');
  expect(await session.command({ command: 'play' })).toBe(false);
  expect(session.refusal?.code).toBe('not_now');
  backend.refusal = new Error('network');
  expect(await session.command({ command: 'play' })).toBe(false);
  expect(session.refusal?.code).toBe('lost');
  backend.refusal = null;
  expect(await session.command({ command: 'retry' })).toBe(true);
  expect(session.refusal).toBeNull();
});

test('a changed setting is sent with all others', async () => {
  const backend = new FakeBackend();
  const session = new Session(backend);
  session.open();
  expect(await session.change({ theme: 'dark' })).toBe(false);
  const view = viewWith({ phase: 'ready' });
  backend.show(view);
  await session.change({ theme: 'dark' });
  expect(backend.commands).toEqual([{ command: 'change_settings', settings: { ...view.settings, theme: 'dark' } }]);
});

test('the log grows from its newest line', async () => {
  const backend = new FakeBackend();
  const log = new LogStore(new Session(backend));
  const line = (number: number) => ({ number, at: 0, level: 'info', part: 'x', text: `line ${number}` }) as const;
  backend.answer = { answer: 'log', lines: [line(1), line(2)] };
  await log.refresh();
  backend.answer = { answer: 'log', lines: [line(3)] };
  await log.refresh();
  expect(log.lines.map(({ number }) => number)).toEqual([3, 2, 1]);
  backend.answer = { answer: 'text', text: 'all' };
  expect(await log.exported()).toBe('all');
});
