// Checks the API key of a public Function URL against Secrets Manager, which moto simulates.
import {
  CreateSecretCommand,
  PutSecretValueCommand,
  SecretsManagerClient,
} from '@aws-sdk/client-secrets-manager';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { readEvent } from '../events.ts';
import { type RuntimeProcess, startRuntimeProcess } from '../model/runtime-process.ts';
import { type LocalAws, startAws } from './moto.ts';

let aws: LocalAws;
let client: SecretsManagerClient;
let arn: string;
let runtime: RuntimeProcess;

beforeAll(async () => {
  aws = await startAws({}, () => {});
  client = new SecretsManagerClient(aws.settings);
  const created = await client.send(
    new CreateSecretCommand({ Name: 'key', SecretString: '{"apiKey": "first"}' }),
  );
  arn = String(created.ARN);
  runtime = await startRuntimeProcess('completion', { ...aws.env, API_KEY_SECRET_ARN: arn });
}, 300_000);

afterAll(async () => {
  await runtime?.end();
  await aws?.close();
});

/** Sends a request with a key and returns its status. */
async function ask(key?: string): Promise<number> {
  const event = readEvent('function-url') as { headers: object };
  const headers = { ...event.headers, ...(key !== undefined && { authorization: `Bearer ${key}` }) };
  const { body } = await runtime.invoke({ ...event, headers });
  return (JSON.parse(body) as { statusCode: number }).statusCode;
}

it('accepts the key of the secret and rejects another one and none', async () => {
  expect([await ask(), await ask('wrong'), await ask('first')]).toEqual([401, 401, 200]);
});

it('accepts the latest key in a new environment', async () => {
  await client.send(new PutSecretValueCommand({ SecretId: arn, SecretString: '{"apiKey": "second"}' }));
  const other = await startRuntimeProcess('completion', { ...aws.env, API_KEY_SECRET_ARN: arn });
  await runtime.end();
  runtime = other;

  expect([await ask('first'), await ask('second')]).toEqual([401, 200]);
});
