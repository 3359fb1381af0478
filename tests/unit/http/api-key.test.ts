import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { mockClient } from 'aws-sdk-client-mock';
import { afterAll, afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ConfigurationError } from '../../../src/config/environment.ts';
import { readApiKeySource, SecretApiKey } from '../../../src/http/api-key.ts';
import { ApiKeyUnavailableError } from '../../../src/http/api-key-source.ts';
import { KeyFile } from '../../../src/http/key-file.ts';

const arn = 'arn:aws:secretsmanager:eu-central-1:123456789012:secret:gguf-lambda/key-AbCdEf';
const minute = 60_000;

describe('readApiKeySource', () => {
  it('returns no source without a key', () => {
    expect(readApiKeySource({ API_KEY: ' ', API_KEY_SECRET_ARN: '' })).toBeUndefined();
  });

  it('returns the key of API_KEY', async () => {
    const source = readApiKeySource({ API_KEY: 'right' });

    expect([await source?.current(), await source?.latest()]).toEqual([['right'], ['right']]);
  });

  it('rejects API_KEY with API_KEY_SECRET_ARN, without quoting the key', () => {
    expect(() => readApiKeySource({ API_KEY: 'hidden', API_KEY_SECRET_ARN: arn })).toThrow(
      new ConfigurationError('API_KEY_SECRET_ARN', '…', 'no value while API_KEY is set'),
    );
  });

  it.each(['arn:aws-cn', 'arn:aws-us-gov', 'arn:aws'])('accepts a secret in %s', (partition) => {
    const source = readApiKeySource({ API_KEY_SECRET_ARN: arn.replace('arn:aws', partition) });

    expect(source).toBeInstanceOf(SecretApiKey);
  });

  it.each(['gguf-lambda/key', 'arn:aws:s3:::bucket', arn.replace('eu-central-1', ''), `${arn} `.repeat(2)])(
    'rejects the ARN %j',
    (text) => {
      expect(() => readApiKeySource({ API_KEY_SECRET_ARN: text })).toThrow(
        `API_KEY_SECRET_ARN=${JSON.stringify(text.trim())} cannot be used: expected the ARN of a secret`,
      );
    },
  );
});

describe('several keys', () => {
  it('come from API_KEYS', async () => {
    expect(await readApiKeySource({ API_KEYS: 'one, two' })?.current()).toEqual(['one', 'two']);
    expect(() => readApiKeySource({ API_KEYS: 'one,,hidden' })).toThrow('API_KEYS="…"');
  });

  it('come from a file, which may change', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'keys-'));
    const file = join(folder, 'keys');
    writeFileSync(file, '# clients\none\n\n two \n');
    const source = readApiKeySource({ API_KEYS_FILE: file });

    expect(await source?.current()).toEqual(['one', 'two']);
    writeFileSync(file, 'three');
    expect(await source?.current()).toEqual(['three']);
    rmSync(folder, { recursive: true });
    await expect(source?.current()).rejects.toThrow(ApiKeyUnavailableError);
  });

  it('come from one variable', () => {
    const env = { API_KEY: 'hidden', API_KEYS: 'hidden' };

    expect(() => readApiKeySource(env)).toThrow(/^API_KEYS="…" .* while API_KEY is set/);
    expect(() => readApiKeySource({ API_KEYS_FILE: '/nowhere/keys' })).toThrow('API_KEYS_FILE');
  });
});

describe('a key file', () => {
  let folder: string;
  let file: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'keys-'));
    file = join(folder, 'keys');
  });

  afterEach(() => rmSync(folder, { recursive: true }));

  it('is read again when its size and its time stay the same', async () => {
    const write = (key: string) => {
      writeFileSync(file, key);
      utimesSync(file, 0, 0);
    };
    write('one');
    const source = new KeyFile(file);
    write('two');

    expect(await source.current()).toEqual(['two']);
  });

  // Root may read files of every mode, so a folder stands for a file that cannot be read.
  it.each([
    ['is missing', () => {}, 'ENOENT: no such file or directory'],
    ['cannot be read', () => mkdirSync(file), 'EISDIR: illegal operation on a directory'],
    ['has no key', () => writeFileSync(file, '# none\n'), 'it has no key'],
  ])(
    'that %s is refused at the start, and logged once later until it has a key',
    async (_, spoil, reason) => {
      spoil();
      expect(() => new KeyFile(file)).toThrow(
        `API_KEYS_FILE=${JSON.stringify(file)} cannot be used: expected a file with one key a line (${reason}`,
      );

      const restore = (key: string) => {
        rmSync(file, { recursive: true, force: true });
        writeFileSync(file, key);
      };
      restore('one');
      const warnings: string[] = [];
      const source = new KeyFile(file, { warn: (message) => warnings.push(message) });
      for (const key of ['other', 'another']) {
        rmSync(file);
        spoil();
        await expect(source.current()).rejects.toThrow(ApiKeyUnavailableError);
        await expect(source.latest()).rejects.toThrow(ApiKeyUnavailableError);
        restore(key);
        expect(await source.current()).toEqual([key]);
      }

      const warning = expect.stringContaining(`API_KEYS_FILE=${file} has no usable key (${reason}`);
      expect(warnings).toEqual([warning, warning]);
    },
  );
});

describe('SecretApiKey', () => {
  const secrets = mockClient(SecretsManagerClient);
  let now = 0;
  let log: Error[] = [];
  let source = new SecretApiKey(arn);

  const reads = () => secrets.commandCalls(GetSecretValueCommand).length;
  const holds = (SecretString: string) => secrets.on(GetSecretValueCommand).resolves({ SecretString });
  const fails = (name: string) =>
    secrets.on(GetSecretValueCommand).rejects(Object.assign(new Error(`AWS says ${name}`), { name }));

  beforeEach(() => {
    secrets.reset();
    now = 1_700_000_000_000;
    log = [];
    source = new SecretApiKey(arn, { now: () => now, log: (error) => log.push(error) });
  });

  afterAll(() => secrets.restore());

  it('reads the secret once, when the key is first needed', async () => {
    holds('right');
    expect(reads()).toBe(0);

    expect([await source.current(), await source.current()]).toEqual([['right'], ['right']]);
    expect(reads()).toBe(1);
    expect(secrets.commandCalls(GetSecretValueCommand)[0]?.args[0].input).toEqual({ SecretId: arn });
  });

  it.each([
    ['right', 'right'],
    [' right\n', 'right'],
    ['{"apiKey": "right", "other": 1}', 'right'],
    ['123456', '123456'],
    ['"quoted"', '"quoted"'],
    ['{not JSON', '{not JSON'],
  ])('reads the secret %j as the key %s', async (content, key) => {
    holds(content);

    expect(await source.current()).toEqual([key]);
  });

  it.each(['', '  ', '{}', '{"apiKey": 7}', '{"apiKey": " "}', '["hidden"]', '{"key": "hidden"}'])(
    'rejects the secret %j without quoting it in the log',
    async (content) => {
      holds(content);

      await expect(source.current()).rejects.toThrow(ApiKeyUnavailableError);
      expect(log.map(({ cause }) => String(cause))).toEqual([expect.stringContaining('"apiKey"')]);
      expect(String(log[0]?.cause)).not.toContain('hidden');
    },
  );

  it('rejects a binary secret', async () => {
    secrets.on(GetSecretValueCommand).resolves({ SecretBinary: new Uint8Array([1]) });

    await expect(source.current()).rejects.toThrow(ApiKeyUnavailableError);
  });

  it.each(['ThrottlingException', 'AccessDeniedException', 'ResourceNotFoundException', 'TimeoutError'])(
    'has no key after %s, and logs the reason',
    async (name) => {
      fails(name);

      await expect(source.current()).rejects.toThrow(ApiKeyUnavailableError);
      expect(log.map(({ message }) => message)).toEqual([`The API key could not be read from ${arn}.`]);
      expect(log[0]?.cause).toMatchObject({ name, message: `AWS says ${name}` });
    },
  );

  it('reads at most once in 5 seconds during an outage', async () => {
    fails('ThrottlingException');
    for (let request = 0; request < 3; request++) await expect(source.current()).rejects.toThrow();
    expect({ reads: reads(), logged: log.length }).toEqual({ reads: 1, logged: 1 });

    holds('right');
    now += 5_000;
    expect(await source.current()).toEqual(['right']);
  });

  it('shares a slow read between concurrent requests', async () => {
    const answer = Promise.withResolvers<{ SecretString: string }>();
    const started = Promise.withResolvers<void>();
    secrets.on(GetSecretValueCommand).callsFake(() => {
      started.resolve();
      return answer.promise;
    });

    const waiting = [source.current(), source.current(), source.latest()];
    await started.promise;
    answer.resolve({ SecretString: 'right' });

    expect(await Promise.all(waiting)).toEqual([['right'], ['right'], ['right']]);
    expect(reads()).toBe(1);
  });

  it('reads again when the cached key is older than 5 minutes', async () => {
    holds('old');
    await source.current();
    holds('new');

    now += 5 * minute;
    expect(await source.current()).toEqual(['old']);
    now += 1;
    expect(await source.current()).toEqual(['new']);
    expect(reads()).toBe(2);
  });

  it('reads again for a key that does not match, at most once in 5 seconds', async () => {
    holds('old');
    await source.current();
    holds('new');

    now += 4_999;
    expect(await source.latest()).toEqual(['old']);
    now += 1;
    expect(await source.latest()).toEqual(['new']);
    expect(await source.latest()).toEqual(['new']);
    expect(reads()).toBe(2);
  });

  it('keeps the cached key for one hour of an outage', async () => {
    holds('right');
    await source.current();
    fails('InternalServiceError');

    now += 60 * minute;
    expect([await source.current(), await source.latest()]).toEqual([['right'], ['right']]);
    now += 1;
    await expect(source.current()).rejects.toThrow(ApiKeyUnavailableError);
    await expect(source.latest()).rejects.toThrow(ApiKeyUnavailableError);

    holds('right');
    now += 5_000;
    expect(await source.current()).toEqual(['right']);
  });
});

describe("SecretApiKey with AWS's client", () => {
  afterEach(() => vi.unstubAllEnvs());

  it('sends its request to the region of the ARN, not to AWS_REGION', async () => {
    const requests: { headers: IncomingHttpHeaders; body: string }[] = [];
    const server = createServer(async (request, response) => {
      requests.push({ headers: request.headers, body: await text(request) });
      response.setHeader('content-type', 'application/x-amz-json-1.1');
      response.end(JSON.stringify({ ARN: arn, SecretString: '{"apiKey":"right"}' }));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    vi.stubEnv('AWS_ENDPOINT_URL_SECRETS_MANAGER', `http://127.0.0.1:${port}`);
    vi.stubEnv('AWS_REGION', 'us-east-1');
    vi.stubEnv('AWS_ACCESS_KEY_ID', 'id');
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'secret');

    const key = await readApiKeySource({ API_KEY_SECRET_ARN: arn })?.current();
    server.close();

    expect(key).toEqual(['right']);
    expect(requests).toEqual([
      {
        headers: expect.objectContaining({
          'x-amz-target': 'secretsmanager.GetSecretValue',
          authorization: expect.stringContaining('/eu-central-1/secretsmanager/'),
        }),
        body: JSON.stringify({ SecretId: arn }),
      },
    ]);
  });
});
