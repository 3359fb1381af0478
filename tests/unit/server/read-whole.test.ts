import { once } from 'node:events';
import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { readWhole } from '../../../src/server/read-whole.ts';

function write(...chunks: readonly string[]): PassThrough {
  const stream = new PassThrough();
  for (const chunk of chunks) stream.write(chunk);
  return stream;
}

describe('readWhole', () => {
  it.each([[[]], [['one']], [['one', 'two', '']]])('gives %j whole', async (chunks) => {
    const stream = write(...chunks);
    stream.end();

    expect(String(await readWhole(stream))).toBe(chunks.join(''));
  });

  it('stops at what is over the limit, and leaves the rest unread', async () => {
    const stream = write('123', '456', '789');

    expect(await readWhole(stream, 5)).toBeUndefined();
    expect([stream.isPaused(), stream.readableLength, stream.destroyed]).toEqual([true, 3, false]);
    const exact = write('123', '45');
    exact.end();
    expect(String(await readWhole(exact, 5))).toBe('12345');
  });

  it('fails as the stream does', async () => {
    const broken = readWhole(write('1').destroy(new Error('broken')));
    await expect(broken).rejects.toThrow('broken');
    await expect(readWhole(write('1').destroy())).rejects.toThrow('closed before the end');
    const closed = write('1').destroy();
    await once(closed, 'close');
    await expect(readWhole(closed)).rejects.toThrow('closed before the end');
  });
});
