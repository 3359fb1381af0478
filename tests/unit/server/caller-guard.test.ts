import { describe, expect, it } from 'vitest';
import { Cors } from '../../../src/http/cors.ts';
import { assertAllowedCaller } from '../../../src/server/caller-guard.ts';

const loopback = { hosts: ['llm.internal'] };

describe('the name that a request addresses a server on loopback by', () => {
  it.each([
    '127.0.0.1:8000',
    'localhost:8000',
    'LOCALHOST',
    '[::1]:8000',
    'a.localhost',
    'llm.internal:80',
    '10.0.0.7',
  ])('may be %s', (host) => {
    expect(() => assertAllowedCaller({ host }, loopback)).not.toThrow();
  });

  it.each(['attacker.example:8000', 'localhost.attacker.example', '127.0.0.1.attacker.example', '', 'a b'])(
    'may not be %j',
    (host) => {
      expect(() => assertAllowedCaller({ host }, loopback)).toThrow(
        expect.objectContaining({ code: 'host_not_allowed', status: 403 }),
      );
    },
  );

  it('may be any elsewhere', () => {
    expect(() => assertAllowedCaller({ host: 'llm.example.com' }, {})).not.toThrow();
  });
});

describe('the origin of a page that sends a request', () => {
  const host = '127.0.0.1:8000';

  it.each(['https://attacker.example', 'http://127.0.0.1:9000', 'http://localhost:8000', 'null', 'x'])(
    'may not be %s',
    (origin) => {
      expect(() => assertAllowedCaller({ host, origin }, {})).toThrow(
        expect.objectContaining({ code: 'origin_not_allowed', status: 403 }),
      );
    },
  );

  it('may be the server itself', () => {
    expect(() => assertAllowedCaller({ host, origin: 'http://127.0.0.1:8000' }, {})).not.toThrow();
  });

  it('may be one of CORS_ORIGINS', () => {
    const cors = Cors.parse('https://chat.example.com');

    expect(() => assertAllowedCaller({ host, origin: 'https://chat.example.com' }, { cors })).not.toThrow();
    expect(() => assertAllowedCaller({ host, origin: 'https://other.example.com' }, { cors })).toThrow();
    expect(() => assertAllowedCaller({ host, origin: 'null' }, { cors: Cors.parse('*') })).not.toThrow();
  });
});
