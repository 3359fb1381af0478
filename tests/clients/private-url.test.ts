// The example for Python, against a local Function URL that checks signatures as AWS does.
import { fileURLToPath } from 'node:url';
import { beforeAll, expect, it } from 'vitest';
import { credentials, region } from '../unit/tools/deploy/fixtures.ts';
import { ifSigned, startFunctionUrl, streamChat } from '../unit/tools/deploy/function-url.ts';
import { pythonSetupTimeout, runPython, setUpPython } from './python-environment.ts';

beforeAll(setUpPython, pythonSetupTimeout);

it('private_url.py signs the requests of an OpenAI client, and prints its stream', async () => {
  const { url, received } = await startFunctionUrl(ifSigned(streamChat(['Par', 'is'])));
  const example = fileURLToPath(new URL('../../examples/private_url.py', import.meta.url));
  const { stdout, stderr } = await runPython([example], {
    AWS_REGION: region,
    AWS_ACCESS_KEY_ID: credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
    AWS_SESSION_TOKEN: credentials.sessionToken,
    AWS_CONFIG_FILE: '/dev/null',
    AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
    STREAM_URL: url,
  });

  expect({ stdout, stderr }).toEqual({ stdout: 'Paris\n', stderr: '' });
  expect(received).toMatchObject([{ method: 'POST', path: '/v1/chat/completions' }]);
});
