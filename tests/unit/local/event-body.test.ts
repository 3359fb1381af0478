import type { IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { findEventFault, readBody } from '../../../local/event-body.ts';

describe('findEventFault', () => {
  it.each(['{}', '{"prompt":"Paris é 🙂"}', '[1]', '"text"', 'null', ' 1 ', '{"a":"\\ud800"}'])(
    'accepts %s',
    (text) => {
      expect(findEventFault(Buffer.from(text))).toBeUndefined();
    },
  );

  it.each([
    { name: 'nothing', bytes: Buffer.alloc(0), fault: /empty/ },
    { name: 'blanks', bytes: Buffer.from(' \n'), fault: /not valid JSON/ },
    { name: 'text', bytes: Buffer.from('prompt=hello'), fault: /not valid JSON/ },
    { name: 'JSON cut short', bytes: Buffer.from('{"a":'), fault: /not valid JSON/ },
    { name: 'JSON with more behind it', bytes: Buffer.from('{}{}'), fault: /not valid JSON/ },
    { name: 'a byte order mark', bytes: Buffer.from('\uFEFF{}'), fault: /not valid JSON/ },
    { name: 'a character cut short', bytes: Buffer.from('"é"').subarray(0, 2), fault: /not valid UTF-8/ },
    { name: 'Latin-1', bytes: Buffer.from('"é"', 'latin1'), fault: /not valid UTF-8/ },
    { name: 'gzip', bytes: Buffer.from([0x1f, 0x8b, 8, 0]), fault: /not valid UTF-8/ },
  ])('refuses $name', ({ bytes, fault }) => {
    expect(findEventFault(bytes)).toMatch(fault);
  });
});

/** A request of which only the body and its announced length matter. */
function createRequest(chunks: string[], headers: Record<string, string> = {}): IncomingMessage {
  return Object.assign(Readable.from(chunks.map((chunk) => Buffer.from(chunk))), {
    headers,
  }) as unknown as IncomingMessage;
}

describe('readBody', () => {
  it('joins what comes in pieces, up to the limit', async () => {
    const body = await readBody(createRequest(['{"a"', ':1}']), 7);

    expect(Buffer.from(body ?? []).toString()).toBe('{"a":1}');
  });

  it('gives up one byte over the limit, and leaves the connection open', async () => {
    const request = createRequest(['{"a"', ':1} ', 'never read']);

    await expect(readBody(request, 7)).resolves.toBeUndefined();
    expect(request.destroyed).toBe(false);
  });

  it('reads nothing of a body that is announced to be too long', async () => {
    const request = createRequest(['x'], { 'content-length': '8' });

    await expect(readBody(request, 7)).resolves.toBeUndefined();
    expect(request.readableDidRead).toBe(false);
  });

  it('rejects when the client leaves', async () => {
    const request = createRequest(['{']);
    const body = readBody(request, 7);
    request.destroy(new Error('left'));

    await expect(body).rejects.toThrow('left');
  });
});
