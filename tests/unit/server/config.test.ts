import { describe, expect, it } from 'vitest';
import { readFrontConfig } from '../../../src/server/config.ts';

const target = { root: '/srv/app', handler: 'completion.handler' };

describe('readFrontConfig', () => {
  it('has a default for everything', () => {
    expect(readFrontConfig({ THREADS: '3', AWS_LAMBDA_FUNCTION_MEMORY_SIZE: '4096' }, target)).toEqual({
      host: '127.0.0.1',
      port: 8000,
      apiKey: undefined,
      limitsCallers: false,
      queueLimit: 64,
      functionTimeoutSeconds: 900,
      threads: { count: 3, adapts: false },
      functionMegabytes: 4096,
      shutdownGraceSeconds: 10,
      playground: '/srv/app/dist/playground.html',
      callers: { hosts: [], cors: undefined },
      emulatorPath: '/srv/app/dist/aws-lambda-rie',
      bootstrap: ['/srv/app/infra/entry.sh', 'completion.handler'],
    });
  });

  it('takes each setting from its variable', () => {
    const env = {
      HOST: '0.0.0.0',
      PORT: '0',
      QUEUE_LIMIT: '0',
      FUNCTION_TIMEOUT: '30',
      SHUTDOWN_GRACE: '0',
      RIE_PATH: '/opt/rie',
    };

    expect(readFrontConfig(env, target)).toMatchObject({
      host: '0.0.0.0',
      port: 0,
      queueLimit: 0,
      functionTimeoutSeconds: 30,
      shutdownGraceSeconds: 0,
      emulatorPath: '/opt/rie',
    });
  });

  it.each([{ RATE_LIMIT: '1' }, { TOKEN_BUDGET: '1000/hour' }])('limits callers with %o', (env) => {
    expect(readFrontConfig(env, target)).toMatchObject({ limitsCallers: true });
  });

  it.each([
    { PORT: '65536' },
    { PORT: '-1' },
    { PORT: 'http' },
    { QUEUE_LIMIT: '-1' },
    { FUNCTION_TIMEOUT: '0' },
    { FUNCTION_TIMEOUT: '1.5' },
    { SHUTDOWN_GRACE: '10s' },
    { RATE_LIMIT: '0' },
    { TOKEN_BUDGET: '1000' },
  ])('refuses %o by name', (env) => {
    expect(() => readFrontConfig(env, target)).toThrow(Object.keys(env)[0]);
  });
});
