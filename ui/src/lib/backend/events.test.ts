import { expect, test } from 'vitest';
import { eventData } from './events';

async function read(chunks: string[]): Promise<string[]> {
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      for (const chunk of chunks) controller.enqueue(new TextEncoder().encode(chunk));
      controller.close();
    },
  });
  const found: string[] = [];
  for await (const data of eventData(body)) found.push(data);
  return found;
}

test('events are put together from whatever pieces arrive', async () => {
  expect(await read(['data: {"a"', ':1}\n', '\ndata: {"a":2}\n\ndata: {"a"'])).toEqual(['{"a":1}', '{"a":2}']);
});

test('comments that keep the connection alive are passed over', async () => {
  expect(await read([':\n\n', ': hello\n\ndata: x\n\n'])).toEqual(['x']);
});

test('letters of several bytes survive being cut', async () => {
  const bytes = new TextEncoder().encode('data: 가\n\n');
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      controller.enqueue(bytes.slice(0, 7));
      controller.enqueue(bytes.slice(7));
      controller.close();
    },
  });
  const found: string[] = [];
  for await (const data of eventData(body)) found.push(data);
  expect(found).toEqual(['가']);
});
