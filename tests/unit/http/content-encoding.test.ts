import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { answer } from '../../../src/http/answer.ts';
import { type HttpResponse, toWholeResponse } from '../../../src/http/http.ts';
import { model, toContext } from '../api/fake-service.ts';
import { FakeEngine } from '../fake-engine.ts';

const json = Buffer.from(JSON.stringify({ prompt: 'Grüße', max_tokens: 4 }));

async function post(body: Uint8Array, encoding: string): Promise<HttpResponse<string>> {
  const request = {
    method: 'POST',
    path: '/v1/completions',
    headers: { 'content-encoding': encoding },
    body,
  };
  return toWholeResponse(await answer(request, { engine: new FakeEngine(), model }, toContext()));
}

describe('a compressed body', () => {
  it.each([
    ['gzip', gzipSync(json)],
    ['x-gzip', gzipSync(json)],
    ['GZIP', gzipSync(json)],
    ['deflate', deflateSync(json)],
    ['deflate', deflateRawSync(json)],
    ['br', brotliCompressSync(json)],
    ['zstd', zstdCompressSync(json)],
    ['gzip, br', brotliCompressSync(gzipSync(json))],
    ['identity', json],
    ['', json],
  ])('is read: %s', async (encoding, body) => {
    expect(await post(body, encoding)).toMatchObject({ status: 200 });
  });

  it.each([
    ['gzip', gzipSync(Buffer.alloc(5 * 2 ** 20, ' ')), 413, 'request_too_large'],
    ['br', brotliCompressSync(Buffer.alloc(64 * 2 ** 20, ' ')), 413, 'request_too_large'],
    ['zstd', zstdCompressSync(Buffer.alloc(64 * 2 ** 20, ' ')), 413, 'request_too_large'],
    ['gzip, gzip', gzipSync(gzipSync(Buffer.alloc(64 * 2 ** 20, ' '))), 413, 'request_too_large'],
    ['gzip', json, 400, 'invalid_value'],
    ['deflate', json, 400, 'invalid_value'],
    ['br', gzipSync(json), 400, 'invalid_value'],
    ['zstd', gzipSync(json), 400, 'invalid_value'],
    ['gzip', gzipSync(json).subarray(0, -4), 400, 'invalid_value'],
    ['compress', json, 415, 'unsupported_media_type'],
    ['gzip, gzip, gzip, gzip', json, 415, 'unsupported_media_type'],
  ])('is refused: %s', async (encoding, body, status, code) => {
    const response = await post(body, encoding);

    expect({ status: response.status, body: JSON.parse(response.body) }).toMatchObject({
      status,
      body: { error: { code } },
    });
  });
});
