// The examples for Node that sign, as processes, against a local Function URL that checks signatures as AWS does.
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { credentials, region } from './tools/deploy/fixtures.ts';
import { ifSigned, startFunctionUrl, streamChat } from './tools/deploy/function-url.ts';

const execute = promisify(execFile);
const folder = fileURLToPath(new URL('../../examples/', import.meta.url));
const environment = {
  AWS_REGION: region,
  AWS_ACCESS_KEY_ID: credentials.accessKeyId,
  AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
  AWS_SESSION_TOKEN: credentials.sessionToken,
};

it('private-url.mjs signs the requests of an OpenAI client, and prints its stream', async () => {
  const { url, received } = await startFunctionUrl(ifSigned(streamChat(['Par', 'is'])));
  const { stdout } = await execute(process.execPath, [`${folder}private-url.mjs`], {
    env: { ...environment, STREAM_URL: url },
  });

  expect(stdout).toBe('Paris\n');
  expect(received).toMatchObject([{ method: 'POST', path: '/v1/chat/completions' }]);
}, 60_000);

it('webhook.mjs signs its requests to a private URL', async () => {
  const chat = JSON.stringify({ choices: [{ message: { role: 'assistant', content: 'Open at nine.' } }] });
  const { url } = await startFunctionUrl(
    ifSigned((_, response) => void response.writeHead(200, { 'content-type': 'application/json' }).end(chat)),
  );
  const webhook = spawn(process.execPath, [`${folder}webhook.mjs`], {
    env: { ...environment, STREAM_URL: url, PORT: '0' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  try {
    const [line] = (await once(webhook.stdout.setEncoding('utf8'), 'data')) as [string];
    const response = await fetch(line.trim(), { method: 'POST', body: 'The shop opens at nine.' });

    expect({ status: response.status, body: await response.text() }).toEqual({
      status: 200,
      body: 'Open at nine.\n',
    });
  } finally {
    webhook.kill();
    await once(webhook, 'close');
  }
}, 60_000);

it('README.md has a line for each example', () => {
  const readme = readFileSync(`${folder}README.md`, 'utf8');

  expect(readdirSync(folder).filter((name) => !readme.includes(`](${name})`))).toEqual(['README.md']);
});
