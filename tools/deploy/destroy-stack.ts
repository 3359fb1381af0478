// The steps of `npm run destroy`. It lists everything that it will delete and asks for confirmation first.
import { ListExecutionsCommand } from '@aws-sdk/client-sfn';
import { toBatchName } from '../../src/batch/run-names.ts';
import { type Bucket, type BucketContents, countContents, describeContents, emptyBucket } from './bucket.ts';
import { type Clients, connect } from './clients.ts';
import { assertCanConfirm, type DeployEnvironment } from './deploy-environment.ts';
import { DeployError, toDeployError } from './errors.ts';
import { prepareSam, runSam } from './run-sam.ts';
import { stackNameOf } from './settings.ts';
import { assertIdle, findStack, optionalBuckets, type Stack } from './stack.ts';

export interface DestroyOptions {
  readonly environment: string;
  readonly region?: string;
  /** Deletes without asking for confirmation. Default: false. */
  readonly yes?: boolean;
}

/**
 * Deletes a stack with its images, its batches, the states of its conversations and its stored responses. Succeeds with a message when the stack does not exist.
 *
 * @throws {DeployError} when the deletion is declined, is not possible now, or fails
 */
export async function destroyStack(
  options: DestroyOptions,
  deployEnvironment: DeployEnvironment,
): Promise<void> {
  const { environment, yes = false } = options;
  const { print, confirm, signal } = deployEnvironment;
  assertCanConfirm(deployEnvironment, yes);
  const clients = await connect(options.region, deployEnvironment);
  const name = stackNameOf(environment);
  const stack = await findStack(clients.cloudFormation, name, signal);
  if (stack === undefined) {
    print(`There is no stack ${name} in ${clients.region}: nothing to delete.`);
    return;
  }
  assertDeletable(stack);
  await assertNoBatchRuns(stack, environment, clients, signal);
  const buckets = toBuckets(stack, clients, signal);
  const contents = await Promise.all(
    buckets.map(async (bucket) => ({ ...bucket, ...(await countContents(bucket)) })),
  );
  print(describeDeletion(stack, contents));
  if (!yes && !(await confirm(`Delete ${name} in ${clients.region} permanently?`))) {
    throw new DeployError('declined', 'Nothing was deleted.');
  }
  const sam = await prepareSam(print);
  for (const bucket of buckets) {
    print(`Emptying the bucket ${bucket.name}.`);
    await emptyBucket(bucket);
  }
  print(`Deleting ${name}.`);
  await runSam(sam, ['delete', '--no-prompts', '--stack-name', name, '--region', clients.region], signal);
  if ((await findStack(clients.cloudFormation, name, signal)) !== undefined) {
    throw new DeployError(
      'unusable-stack',
      `${name} still exists after 'sam delete': see the output of the SAM CLI above.`,
    );
  }
  print(`${name} is deleted.`);
}

/** Runs before the bucket is emptied, so that batches survive when CloudFormation would refuse the deletion. */
function assertDeletable(stack: Stack): void {
  assertIdle(stack);
  if (!stack.isProtected) return;
  throw new DeployError(
    'unusable-stack',
    `${stack.name} is protected from deletion: 'aws cloudformation update-termination-protection --no-enable-termination-protection --stack-name ${stack.name}' removes the protection.`,
  );
}

/** A running batch would write to the bucket after it is emptied, so the bucket could not be deleted. */
async function assertNoBatchRuns(
  { name, outputs }: Stack,
  environment: string,
  { stepFunctions, region }: Clients,
  abortSignal: AbortSignal,
): Promise<void> {
  if (!outputs.BatchStateMachine) return;
  const command = new ListExecutionsCommand({
    stateMachineArn: outputs.BatchStateMachine,
    statusFilter: 'RUNNING',
  });
  const { executions: [running] = [] } = await stepFunctions
    .send(command, { abortSignal })
    .catch((error: unknown) => {
      throw toDeployError(error, 'states:ListExecutions');
    });
  if (running === undefined) return;
  const batch = toBatchName(running.name ?? '');
  const cancel = `npm run batch -- cancel ${batch} --environment ${environment} --region ${region}`;
  throw new DeployError(
    'unusable-stack',
    `The batch ${batch} of ${name} is running: wait until it ends, or run '${cancel}' and wait 15 minutes for the requests in progress.`,
  );
}

interface StackBucket extends Bucket {
  readonly purpose: string;
}

function toBuckets({ outputs }: Stack, { s3, caller }: Clients, abortSignal: AbortSignal): StackBucket[] {
  return [
    { name: outputs.BatchBucket, purpose: 'batch bucket' },
    ...optionalBuckets.map(({ output, purpose }) => ({ name: outputs[output], purpose })),
  ].flatMap(({ name, purpose }) =>
    name ? { client: s3, name, purpose, account: caller.account, abortSignal } : [],
  );
}

function describeDeletion(
  { name, outputs }: Stack,
  buckets: readonly (StackBucket & BucketContents)[],
): string {
  const parts = ['its functions, their URLs and logs', 'the image repositories with their images'];
  for (const bucket of buckets) {
    parts.push(`the ${bucket.purpose} ${bucket.name} with ${describeContents(bucket)}`);
  }
  if (outputs.BatchQueue) parts.push(`the batch queue ${outputs.BatchQueue} with its dead letters`);
  return `This deletes the stack ${name}: ${parts.slice(0, -1).join(', ')} and ${parts.at(-1)}.`;
}
