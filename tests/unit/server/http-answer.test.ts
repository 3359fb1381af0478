import { describe, expect, it } from 'vitest';
import { endToEndHeaders, invocationHeaders } from '../../../src/server/http-answer.ts';

describe('endToEndHeaders', () => {
  it('leaves out what belongs to the connection, by name and as Connection names it', () => {
    const headers = {
      connection: 'keep-alive, X-Private',
      'keep-alive': 'timeout=5',
      'transfer-encoding': 'chunked',
      'content-length': '3',
      'x-private': '1',
      'content-type': 'text/plain',
      date: 'Tue, 24 Nov 2026 00:00:00 GMT',
    };

    expect(endToEndHeaders(headers)).toEqual({
      'content-type': 'text/plain',
      date: 'Tue, 24 Nov 2026 00:00:00 GMT',
    });
  });
});

describe('invocationHeaders', () => {
  it('keeps those of an invocation only', () => {
    const headers = {
      host: 'localhost:8000',
      authorization: 'Bearer secret',
      'x-amz-client-context': 'e30=',
      'x-amzn-trace-id': 'Root=1-1-1',
    };

    expect(invocationHeaders(headers)).toEqual({
      'x-amz-client-context': 'e30=',
      'x-amzn-trace-id': 'Root=1-1-1',
    });
  });

  it('leaves out all others that the emulator would read', () => {
    const headers = {
      'x-amz-client-context': '',
      'x-amz-cognito-identity': '%',
      'x-amz-tenant-id': 'a',
      'x-amzn-requestid': 'a/b',
      'x-amzn-segment-id': 'a',
    };

    expect(invocationHeaders(headers)).toEqual({});
  });

  it('refuses a client context that would end the runtime', () => {
    expect(() => invocationHeaders({ 'x-amz-client-context': 'ew==' })).toThrow(
      expect.objectContaining({ code: 'invalid_value' }),
    );
  });
});
