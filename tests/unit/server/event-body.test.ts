import type { IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { HeldBodies, readBody } from '../../../src/server/event-body.ts';

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

describe('the bodies of all requests', () => {
  const kibibyte = 'a'.repeat(1024);
  const refusal = expect.objectContaining({ code: 'server_busy', headers: { 'retry-after': '1' } });
  const lengthOf = async (body: Uint8Array | undefined) => body?.byteLength;

  it('are refused as soon as they are too large together, until others are given up', async () => {
    const bodies = new HeldBodies(4096);
    const isHeld = Promise.withResolvers<void>();
    const answered = Promise.withResolvers<void>();
    const first = bodies.hold(createRequest([kibibyte, kibibyte]), () => {
      isHeld.resolve();
      return answered.promise;
    });
    await isHeld.promise;
    const second = createRequest([kibibyte, kibibyte, 'never read']);

    await expect(bodies.hold(second, lengthOf)).rejects.toThrow(refusal);
    expect(second.listenerCount('data')).toBe(0);
    expect(second.destroyed).toBe(false);

    answered.resolve();
    await first;
    await expect(bodies.hold(createRequest([kibibyte, kibibyte]), lengthOf)).resolves.toBe(2048);
  });

  it('do not count those that failed or were refused', async () => {
    const bodies = new HeldBodies(4096);
    const pieces = Array.from({ length: 5 }, () => kibibyte);
    const fail = () => Promise.reject(new Error('failed'));
    await expect(bodies.hold(createRequest(pieces.slice(0, 3)), fail)).rejects.toThrow('failed');
    await expect(bodies.hold(createRequest(pieces), lengthOf)).rejects.toThrow(refusal);

    await expect(bodies.hold(createRequest(pieces.slice(0, 2)), lengthOf)).resolves.toBe(2048);
  });

  it('count what their pieces take besides the bytes', async () => {
    const pieces = Array.from({ length: 100 }, () => 'a');

    await expect(new HeldBodies(4096).hold(createRequest(pieces), lengthOf)).rejects.toThrow(refusal);
  });
});
