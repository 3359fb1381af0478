// The template: validated, built and invoked with the SAM CLI, and by AWS's own client.
import { readFileSync } from 'node:fs';
import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findSam } from '../../tools/deploy/sam.ts';
import { findCommand } from '../documents.ts';
import { readEvent } from '../events.ts';
import { runShell } from '../shell.ts';
import {
  environmentWithSam,
  type LocalLambda,
  machineArchitecture,
  runSam,
  startLocalLambda,
} from './sam.ts';

const template = 'infra/template.yaml';

/** SAM's default folder has the build of the README's lines. */
const buildFolder = '.aws-sam/tests/build';
const built = ['--template', `${buildFolder}/template.yaml`];

/** To build and to run are two commands, and each needs them. */
const parameters = ['--parameter-overrides', `Architecture=${machineArchitecture}`];

beforeAll(async () => {
  await findSam();
});

describe('the template', () => {
  it('passes sam validate --lint', async () => {
    const { stdout } = await runSam('validate', '--lint', '--template', template);

    expect(stdout).toContain('is a valid SAM Template');
  });
});

describe("the README's lines", () => {
  // They name the architecture of most machines; on another one a user names theirs.
  const toThisMachine = (command: string) =>
    command.replace('Architecture=x86_64', `Architecture=${machineArchitecture}`);

  it('build the functions, and one of them answers its example event', async () => {
    const env = await environmentWithSam();
    await runShell(toThisMachine(findCommand('README.md', 'sam build')), { env });
    const answer = await runShell(toThisMachine(findCommand('README.md', 'sam local invoke')), { env });

    expect(JSON.parse(answer)).toMatchObject({
      object: 'text_completion',
      choices: [{ text: expect.stringMatching(/^ Paris/) }],
    });
  });
});

describe('the built functions', () => {
  let lambda: LocalLambda;

  beforeAll(async () => {
    await runSam(
      'build',
      ...['--template', template, '--build-dir', buildFolder],
      ...[...parameters, 'Revision=tested', 'ContextSize=1024'],
    );
    lambda = await startLocalLambda([...built, ...parameters]);
  });
  afterAll(() => lambda.end());

  /** Invokes a function by `sam local invoke` and returns its answer. */
  async function invoke(name: string, event: string): Promise<unknown> {
    const options = [...built, ...parameters, '--skip-pull-image', '--event', `events/${event}.json`];
    return JSON.parse((await runSam('local', 'invoke', name, ...options)).stdout);
  }

  it('are one image, by the parameters', () => {
    const text = readFileSync(`${buildFolder}/template.yaml`, 'utf8');

    expect(text.match(/ImageUri: .*/g)).toEqual(Array(4).fill('ImageUri: streamfunction:tested'));
    expect(text.match(/CONTEXT_SIZE: '1024'/g)).toHaveLength(4);
  });

  it('answer sam local invoke with a direct event', async () => {
    expect(await invoke('CompletionFunction', 'completion')).toMatchObject({
      object: 'text_completion',
      choices: [{ text: expect.stringMatching(/^ Paris/) }],
      usage: { completion_tokens: (readEvent('completion') as { max_tokens: number }).max_tokens },
    });
  });

  it('answer sam local invoke with an HTTP event', async () => {
    expect(await invoke('CompletionFunction', 'api-gateway-v1')).toMatchObject({
      statusCode: 200,
      body: expect.stringContaining('Paris'),
    });
  });

  it('answer sam local invoke with a function error for a wrong request', async () => {
    expect(await invoke('CompletionFunction', 'invalid/out-of-range')).toMatchObject({
      errorType: 'invalid_value',
      errorMessage: "'temperature' must be at least 0, not -1.",
    });
  });

  it.each(['CompletionFunction', 'StreamFunction'])('answer the AWS SDK as %s', async (name) => {
    const client = new LambdaClient(lambda.settings);
    const { StatusCode, Payload } = await client.send(
      new InvokeCommand({ FunctionName: name, Payload: JSON.stringify(readEvent('completion')) }),
    );

    expect(StatusCode).toBe(200);
    expect(Payload?.transformToString()).toContain(' Paris');
  });

  it('tell the AWS SDK of a line of a batch that has no place, as BatchFilesFunction', async () => {
    const client = new LambdaClient(lambda.settings);
    const { Payload } = await client.send(
      new InvokeCommand({
        FunctionName: 'BatchFilesFunction',
        Payload: JSON.stringify({ step: 'split', batch: 'no/batch', linesPerChunk: 1 }),
      }),
    );

    expect(JSON.parse(Payload?.transformToString() ?? '')).toMatchObject({ errorType: expect.any(String) });
  });

  it('are up as BatchFunction', async () => {
    const client = new LambdaClient(lambda.settings);
    const { Payload } = await client.send(
      new InvokeCommand({ FunctionName: 'BatchFunction', Payload: JSON.stringify(readEvent('warmup')) }),
    );

    expect(Payload?.transformToString()).toBe('"warmup"');
  });
});
