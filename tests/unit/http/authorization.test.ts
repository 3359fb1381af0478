import { describe, expect, it } from 'vitest';
import { type ApiKeySource, ApiKeyUnavailableError } from '../../../src/http/api-key.ts';
import { authorize } from '../../../src/http/authorization.ts';

/** A source whose key was rotated: it gives the old one until it is asked for the latest. */
class RotatedKey implements ApiKeySource {
  /** What was asked of it. */
  readonly asked: string[] = [];

  async current(): Promise<string> {
    this.asked.push('current');
    return 'old key';
  }

  async latest(): Promise<string> {
    this.asked.push('latest');
    return 'new key';
  }
}

const unavailable: ApiKeySource = {
  current: () => Promise.reject(new ApiKeyUnavailableError()),
  latest: () => Promise.reject(new ApiKeyUnavailableError()),
};

describe('authorize', () => {
  it.each(['Bearer old key', 'bearer  old key ', 'BEARER old key'])('lets the key in: %j', async (header) => {
    const source = new RotatedKey();

    await authorize(header, source);

    expect(source.asked).toEqual(['current']);
  });

  it('lets a key in that was rotated since it was read', async () => {
    const source = new RotatedKey();

    await authorize('Bearer new key', source);

    expect(source.asked).toEqual(['current', 'latest']);
  });

  it.each(['Bearer wrong', 'Bearer old', 'Bearer old key2'])('refuses another key: %j', async (header) => {
    await expect(authorize(header, new RotatedKey())).rejects.toMatchObject({
      code: 'invalid_api_key',
      status: 401,
      headers: { 'www-authenticate': 'Bearer' },
    });
  });

  it.each([undefined, '', 'Bearer', 'Bearer ', 'Basic old key', 'old key'])(
    'refuses what is no key, and looks for none: %j',
    async (header) => {
      const source = new RotatedKey();

      await expect(authorize(header, source)).rejects.toMatchObject({ code: 'invalid_api_key' });
      expect(source.asked).toEqual([]);
    },
  );

  it('lets nobody in while the key cannot be read', async () => {
    await expect(authorize('Bearer old key', unavailable)).rejects.toMatchObject({
      code: 'api_key_unavailable',
      status: 503,
      headers: { 'retry-after': '5' },
    });
  });
});
