// The steps of `npm run destroy`. Nothing is deleted before all of it is told and agreed to.
import { ListExecutionsCommand } from '@aws-sdk/client-sfn';
import { toBatchName } from '../../src/batch/run-names.ts';
import { type Bucket, type BucketContents, countContents, emptyBucket } from './batch-bucket.ts';
import { type Clients, connect } from './clients.ts';
import { assertAnswerable, type Surroundings } from './deploy-environment.ts';
import { DeployError, toDeployError } from './errors.ts';
import { prepareSam, runSam } from './run-sam.ts';
import { stackNameOf } from './settings.ts';
import { assertIdle, findStack, type Stack } from './stack.ts';

export interface DestroyOptions {
  readonly environment: string;
  readonly region?: string;
  /** Whether the deletion is agreed to unseen. */
  readonly yes?: boolean;
}

/** Deletes a stack with its images and its batches. A stack that is not there is said so. */
export async function destroyStack(options: DestroyOptions, surroundings: Surroundings): Promise<void> {
  const { environment, yes = false } = options;
  const { say, ask, signal } = surroundings;
  assertAnswerable(surroundings, yes);
  const clients = await connect(options.region, surroundings);
  const name = stackNameOf(environment);
  const stack = await findStack(clients.cloudFormation, name, signal);
  if (stack === undefined) {
    say(`There is no stack ${name} in ${clients.region}: nothing to delete.`);
    return;
  }
  assertDeletable(stack);
  await assertNoBatchRuns(stack, environment, clients, signal);
  const bucket = toBucket(stack, clients, signal);
  say(describe(stack, bucket && { name: bucket.name, ...(await countContents(bucket)) }));
  if (!yes && !(await ask(`Delete ${name} in ${clients.region} for good?`))) {
    throw new DeployError('declined', 'Nothing was deleted.');
  }
  const sam = await prepareSam(say);
  if (bucket !== undefined) {
    say(`Emptying the bucket ${bucket.name}.`);
    await emptyBucket(bucket);
  }
  say(`Deleting ${name}.`);
  await runSam(sam, ['delete', '--no-prompts', '--stack-name', name, '--region', clients.region], signal);
  if ((await findStack(clients.cloudFormation, name, signal)) !== undefined) {
    throw new DeployError('unusable-stack', `${name} is still there: what the SAM CLI said is above.`);
  }
  say(`${name} is deleted.`);
}

/** Before the bucket is emptied: what CloudFormation would refuse must not be half done. */
function assertDeletable(stack: Stack): void {
  assertIdle(stack);
  if (!stack.isProtected) return;
  throw new DeployError(
    'unusable-stack',
    `${stack.name} is protected from deletion: 'aws cloudformation update-termination-protection --no-enable-termination-protection --stack-name ${stack.name}' lifts that.`,
  );
}

/** What a batch writes while its bucket is emptied would keep the bucket, and its results would be gone all the same. */
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
    `The batch ${batch} of ${name} is running: wait for it, or '${cancel}' and wait a quarter of an hour for what is under way.`,
  );
}

function toBucket({ outputs }: Stack, { s3, caller }: Clients, abortSignal: AbortSignal): Bucket | undefined {
  if (!outputs.BatchBucket) return undefined;
  return { client: s3, name: outputs.BatchBucket, account: caller.account, abortSignal };
}

function describe({ name, outputs }: Stack, bucket: (BucketContents & { name: string }) | undefined): string {
  const parts = ['its functions, their URLs and logs', 'the image repositories with their images'];
  if (bucket !== undefined) {
    const older = bucket.older > 0 ? ` and ${bucket.older} earlier or deleted` : '';
    const objects = bucket.objects === 1 ? '1 object' : `${bucket.objects} objects`;
    parts.push(`the batch bucket ${bucket.name} with ${objects}${older}`);
  }
  if (outputs.BatchQueue) parts.push(`the batch queue ${outputs.BatchQueue} with its dead letters`);
  return `This deletes the stack ${name}: ${parts.slice(0, -1).join(', ')} and ${parts.at(-1)}.`;
}
