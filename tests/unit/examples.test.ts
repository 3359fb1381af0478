// The example for Node, as a process, against a local Function URL that checks signatures as AWS does.
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { credentials, region } from './tools/deploy/fixtures.ts';
import { ifSigned, startFunctionUrl, streamChat } from './tools/deploy/function-url.ts';

const execute = promisify(execFile);

it('private-url.mjs signs the requests of an OpenAI client, and prints its stream', async () => {
  const { url, received } = await startFunctionUrl(ifSigned(streamChat(['Par', 'is'])));
  const example = fileURLToPath(new URL('../../examples/private-url.mjs', import.meta.url));
  const { stdout } = await execute(process.execPath, [example], {
    env: {
      AWS_REGION: region,
      AWS_ACCESS_KEY_ID: credentials.accessKeyId,
      AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
      AWS_SESSION_TOKEN: credentials.sessionToken,
      STREAM_URL: url,
    },
  });

  expect(stdout).toBe('Paris\n');
  expect(received).toMatchObject([{ method: 'POST', path: '/v1/chat/completions' }]);
}, 60_000);
