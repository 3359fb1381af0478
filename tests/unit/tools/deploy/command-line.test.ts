// The two commands as processes, with AWS on this machine: what they print and how they end.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, expect, it, onTestFinished } from 'vitest';
import { credentials, region } from './fixtures.ts';

/** Starts a server for all of AWS. */
async function startAws(respond: RequestListener): Promise<string> {
  const server = createServer(respond);
  await once(server.listen(0, '127.0.0.1'), 'listening');
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** Starts a command, without a terminal, and without anything of this machine's AWS configuration. */
function start(
  command: 'deploy' | 'destroy',
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
) {
  const child = spawn(
    process.execPath,
    [join(import.meta.dirname, `../../../../tools/deploy/${command}.ts`), ...args],
    {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        PATH: '/nowhere',
        AWS_CONFIG_FILE: '/dev/null',
        AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
        AWS_EC2_METADATA_DISABLED: 'true',
        ...env,
      },
    },
  );
  const ended = Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]).then(
    ([stdout, stderr, [code]]) => ({ stdout, stderr, code }),
  );
  return { child, ended };
}

function withAws(url: string) {
  return {
    AWS_REGION: region,
    AWS_ACCESS_KEY_ID: credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
    AWS_ENDPOINT_URL: url,
  };
}

describe('a failure', () => {
  it.each([
    ['deploy', [], 'There is no terminal to ask on: add --yes to agree to what will be done.'],
    ['destroy', [], 'There is no terminal to ask on: add --yes to agree to what will be done.'],
    ['deploy', ['--yes', '--parameter', 'X=1'], '--parameter: there is no parameter X. There is: '],
    ['destroy', ['--yes'], 'There is no AWS region: add --region to the command'],
    ['destroy', ['--yes', '--region', region], 'There are no AWS credentials: log in'],
    ['deploy', ['--environment', 'test'], 'Allowed choices are dev, prod.'],
    ['destroy', ['everything'], 'too many arguments'],
  ] as const)('of %s %j is told on stderr, with exit code 1', async (command, args, message) => {
    const { stdout, stderr, code } = await start(command, args).ended;

    expect(stderr).toContain(message);
    expect(stdout).toBe('');
    expect(code).toBe(1);
  });

  it('is one line', async () => {
    expect((await start('deploy', []).ended).stderr).toMatch(/^[^\n]+\n$/);
  });
});

describe('a command', () => {
  it('that has nothing to do ends well', async () => {
    const url = await startAws((request, response) => {
      void text(request).then((body) => {
        if (body.includes('GetCallerIdentity')) {
          response.end(
            '<R><GetCallerIdentityResult><Account>1</Account><Arn>arn:x</Arn></GetCallerIdentityResult></R>',
          );
          return;
        }
        response
          .writeHead(400)
          .end('<R><Error><Code>ValidationError</Code><Message>Stack does not exist</Message></Error></R>');
      });
    });

    const { stdout, stderr, code } = await start('destroy', ['--yes'], withAws(url)).ended;

    expect(stderr).toBe('');
    expect(stdout.split('\n')).toEqual([
      'Account: 1, as arn:x.',
      'Region: eu-central-1.',
      'There is no stack gguf-lambda-dev in eu-central-1: nothing to delete.',
      '',
    ]);
    expect(code).toBe(0);
  });

  it('that is interrupted ends with exit code 130', async () => {
    const asked = Promise.withResolvers<void>();
    const url = await startAws(() => asked.resolve());
    const { child, ended } = start('destroy', ['--yes'], withAws(url));
    await asked.promise;

    child.kill('SIGINT');

    expect(await ended).toEqual({
      stdout: '',
      stderr: 'Interrupted. What CloudFormation has begun goes on.\n',
      code: 130,
    });
  });
});
