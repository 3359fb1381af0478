// The commands of AWS's CLI in README.md and docs/, run as they stand there against moto.
import { execFile } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { CloudFormationClient, CreateStackCommand } from '@aws-sdk/client-cloudformation';
import { CreateQueueCommand, ReceiveMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { installPythonTool } from '../../tools/deploy/python-tool.ts';
import { documentedCommands, findCommand } from '../documents.ts';
import { type LocalAws, startAws } from './moto.ts';

const execute = promisify(execFile);
const root = fileURLToPath(new URL('../../', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'aws-cli-'));

let aws: LocalAws;

beforeAll(async () => {
  // PyPI has version 1 only, whose `logs` has no `tail`.
  const { command, env } = await installPythonTool('awscli==1.46.2', 'aws');
  // For SQS it ignores AWS_ENDPOINT_URL.
  const program = `exec '${command.join("' '")}' --endpoint-url "$AWS_ENDPOINT_URL"`;
  const script = `#!/bin/sh
export PYTHONPATH='${env.PYTHONPATH}'
if [ "$1 $2" = 'logs tail' ]; then ${program} logs filter-log-events --log-group-name "$3"; fi
${program} "$@"
`;
  writeFileSync(join(folder, 'aws'), script);
  chmodSync(join(folder, 'aws'), 0o755);
  aws = await startAws({}, () => {});
}, 300_000);

afterAll(async () => {
  await aws?.close();
  rmSync(folder, { recursive: true });
});

/** Runs lines in one shell, and returns what they print. */
async function run(lines: string, env: NodeJS.ProcessEnv = {}): Promise<string> {
  const variables = { ...aws.env, AWS_DEFAULT_REGION: aws.settings.region, ...env };
  const path = `${folder}:${process.env.PATH}`;
  const { stdout } = await execute('sh', ['-ec', lines], {
    cwd: root,
    env: { ...process.env, ...variables, PATH: path },
  });
  return stdout;
}

it('create a key, and read it into the shell', async () => {
  const created = JSON.parse(await run(findCommand('docs/deploy.md', 'aws secretsmanager create-secret')));
  const key = await run(`${findCommand('docs/deploy.md', 'export API_KEY=')}\necho "$API_KEY"`);

  expect(created).toMatchObject({ ARN: expect.stringMatching(/^arn:aws:secretsmanager:.*:secret:llm-key-/) });
  expect(key).toMatch(/^[0-9a-f]{64}\n$/);
});

it('send the first line of a batch to the queue', async () => {
  const sqs = new SQSClient(aws.settings);
  const { QueueUrl } = await sqs.send(new CreateQueueCommand({ QueueName: 'lines' }));
  await run(findCommand('docs/batches.md', 'aws sqs'), { BATCH_QUEUE: QueueUrl });
  const { Messages } = await sqs.send(new ReceiveMessageCommand({ QueueUrl }));

  expect(JSON.parse(Messages?.[0]?.Body ?? '')).toMatchObject({ custom_id: expect.any(String) });
});

it("find the log of the stack's function", async () => {
  const Resources = { StreamLogs: { Type: 'AWS::Logs::LogGroup', Properties: { LogGroupName: 'the-log' } } };
  await new CloudFormationClient(aws.settings).send(
    new CreateStackCommand({ StackName: 'gguf-lambda-dev', TemplateBody: JSON.stringify({ Resources }) }),
  );

  expect(JSON.parse(await run(findCommand('docs/deploy.md', 'aws logs tail')))).toMatchObject({ events: [] });
});

it('are all run here', () => {
  expect(documentedCommands.filter(({ command }) => /\baws /.test(command))).toHaveLength(4);
});
