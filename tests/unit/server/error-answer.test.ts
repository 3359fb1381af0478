import { describe, expect, it } from 'vitest';
import { RequestError } from '../../../src/errors/request-error.ts';
import { errorAnswer } from '../../../src/server/error-answer.ts';

describe('errorAnswer', () => {
  it("writes OpenAI's error body", () => {
    const answer = errorAnswer(
      new RequestError('queue_full', 'Too many.', { headers: { 'retry-after': '2' } }),
    );

    expect(answer.status).toBe(429);
    expect(answer.headers).toEqual({
      'content-type': 'application/json',
      'x-request-id': expect.any(String),
      'retry-after': '2',
    });
    expect(JSON.parse(Buffer.from(answer.body).toString())).toEqual({
      error: { message: 'Too many.', type: 'rate_limit_error', param: null, code: 'queue_full' },
    });
  });
});
