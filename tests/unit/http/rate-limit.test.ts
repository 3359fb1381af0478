import { describe, expect, it } from 'vitest';
import { RateLimit, readRateLimit } from '../../../src/http/rate-limit.ts';

describe('a rate limit', () => {
  it('refuses a caller that has sent as many requests in a minute, and no other', () => {
    let now = 0;
    const limit = new RateLimit(2, () => now);
    limit.take('one');
    limit.take('one');
    now = 15_000;

    expect(() => limit.take('one')).toThrow(
      expect.objectContaining({ code: 'rate_limit_exceeded', status: 429, headers: { 'retry-after': '45' } }),
    );
    limit.take('other');
    now = 60_000;
    limit.take('one');
  });

  it('is off unless it is set', () => {
    expect(readRateLimit({})).toBeUndefined();
    expect(readRateLimit({ RATE_LIMIT: '10' })).toBeInstanceOf(RateLimit);
    expect(() => readRateLimit({ RATE_LIMIT: '0' })).toThrow('RATE_LIMIT');
  });
});
