// Runs the two commands as processes against a local AWS: their output and exit codes.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, expect, it, onTestFinished } from 'vitest';
import { credentials, region } from './fixtures.ts';

/** Starts a server that stands in for all AWS services. */
async function startAws(respond: RequestListener): Promise<string> {
  const server = createServer(respond);
  await once(server.listen(0, '127.0.0.1'), 'listening');
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** Starts a command without a terminal and without this machine's AWS configuration. */
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

describe('a failing command', () => {
  it.each([
    ['deploy', [], 'There is no terminal to ask for confirmation: add --yes to confirm in advance.'],
    ['destroy', [], 'There is no terminal to ask for confirmation: add --yes to confirm in advance.'],
    [
      'deploy',
      ['--yes', '--region', region, '--parameter', 'X=1'],
      '--parameter: unknown parameter X; the parameters are: ',
    ],
    ['destroy', ['--yes'], 'No AWS region is set: add --region eu-central-1 to the command'],
    ['destroy', ['--yes', '--region', region], 'There are no AWS credentials: log in'],
    ['deploy', ['--environment', 'test'], 'Allowed choices are dev, prod.'],
    ['destroy', ['everything'], 'too many arguments'],
  ] as const)('%s %j prints the reason to stderr and exits with code 1', async (command, args, message) => {
    const { stdout, stderr, code } = await start(command, args).ended;

    expect(stderr).toContain(message);
    expect(stdout).toBe('');
    expect(code).toBe(1);
  });

  it('prints one line', async () => {
    expect((await start('deploy', []).ended).stderr).toMatch(/^[^\n]+\n$/);
  });
});

describe('npm run destroy', () => {
  it('exits with code 0 when there is no stack', async () => {
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

  it('exits with code 130 when it is interrupted', async () => {
    const asked = Promise.withResolvers<void>();
    const url = await startAws(() => asked.resolve());
    const { child, ended } = start('destroy', ['--yes'], withAws(url));
    await asked.promise;

    child.kill('SIGINT');

    expect(await ended).toEqual({
      stdout: '',
      stderr: 'Interrupted. CloudFormation continues any change that it has started.\n',
      code: 130,
    });
  });
});
