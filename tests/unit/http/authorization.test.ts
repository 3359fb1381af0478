import { describe, expect, it } from 'vitest';
import { type ApiKeySource, ApiKeyUnavailableError } from '../../../src/http/api-key-source.ts';
import { authorize, toSentKey } from '../../../src/http/authorization.ts';

/** A source whose key was rotated: only `latest` returns the new key. */
class RotatedKey implements ApiKeySource {
  /** The methods that were called. */
  readonly calls: string[] = [];

  async current(): Promise<readonly string[]> {
    this.calls.push('current');
    return ['old key'];
  }

  async latest(): Promise<readonly string[]> {
    this.calls.push('latest');
    return ['new key', 'another key'];
  }
}

const unavailable: ApiKeySource = {
  current: () => Promise.reject(new ApiKeyUnavailableError()),
  latest: () => Promise.reject(new ApiKeyUnavailableError()),
};

describe('authorize', () => {
  it.each(['Bearer old key', 'bearer  old key ', 'BEARER old key'])('accepts the key: %j', async (header) => {
    const source = new RotatedKey();

    await authorize({ authorization: header }, source);

    expect(source.calls).toEqual(['current']);
  });

  it.each([
    { 'x-api-key': 'old key' },
    { 'x-api-key': ' old key ', authorization: 'AWS4-HMAC-SHA256 Credential=a, Signature=b' },
    { 'x-api-key': 'another', authorization: 'Bearer old key' },
  ])("accepts the key as Anthropic's clients send it: %j", async (headers) => {
    await expect(authorize(headers, new RotatedKey())).resolves.toBeUndefined();
  });

  it.each([
    { 'x-api-key': 'wrong' },
    { 'x-api-key': '' },
    { 'x-api-key': 'Bearer old key' },
    { 'x-api-key': 'old key', authorization: 'Bearer wrong' },
  ])('rejects another key, or one behind a wrong bearer key: %j', async (headers) => {
    await expect(authorize(headers, new RotatedKey())).rejects.toMatchObject({ code: 'invalid_api_key' });
  });

  it('accepts a rotated key', async () => {
    const source = new RotatedKey();

    await authorize({ authorization: 'Bearer new key' }, source);

    expect(source.calls).toEqual(['current', 'latest']);
  });

  it.each(['Bearer wrong', 'Bearer old', 'Bearer old key2'])('rejects another key: %j', async (header) => {
    await expect(authorize({ authorization: header }, new RotatedKey())).rejects.toMatchObject({
      code: 'invalid_api_key',
      status: 401,
      headers: { 'www-authenticate': 'Bearer' },
    });
  });

  it.each([undefined, '', 'Bearer', 'Bearer ', 'Basic old key', 'old key'])(
    'rejects a header without a key, and reads no secret: %j',
    async (header) => {
      const source = new RotatedKey();

      await expect(authorize({ authorization: header }, source)).rejects.toMatchObject({
        code: 'invalid_api_key',
      });
      expect(source.calls).toEqual([]);
    },
  );

  it('does not quote a wrong key', async () => {
    const headers = { authorization: 'Bearer mistyped-key-1' };

    await expect(authorize(headers, new RotatedKey())).rejects.toMatchObject({
      code: 'invalid_api_key',
      message: expect.not.stringContaining('mistyped'),
    });
  });

  it('rejects a million spaces in the place of a key', async () => {
    const authorization = `Bearer${' '.repeat(1_000_000)}\n.`;

    await expect(authorize({ authorization }, new RotatedKey())).rejects.toMatchObject({
      code: 'invalid_api_key',
    });
  });

  it('rejects every key with 503 while the key cannot be read', async () => {
    await expect(authorize({ authorization: 'Bearer old key' }, unavailable)).rejects.toMatchObject({
      code: 'api_key_unavailable',
      status: 503,
      headers: { 'retry-after': '5' },
    });
  });
});

describe('toSentKey', () => {
  it.each([
    [{ authorization: 'Bearer one' }, 'one'],
    [{ authorization: 'bearer  one ' }, 'one'],
    [{ 'x-api-key': 'one' }, 'one'],
    [{ authorization: 'Bearer one', 'x-api-key': 'two' }, 'one'],
    [{ authorization: 'Basic abc', 'x-api-key': 'two' }, 'two'],
    [{ authorization: 'Basic abc' }, undefined],
    [{ 'x-api-key': ' ' }, undefined],
    [{}, undefined],
  ])('of %j is %s', (headers, key) => {
    expect(toSentKey(headers)).toBe(key);
  });
});
