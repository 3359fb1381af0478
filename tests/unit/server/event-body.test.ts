import type { IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { readBody } from '../../../src/server/event-body.ts';

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
