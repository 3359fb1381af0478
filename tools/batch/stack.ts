// The deployed stack: its bucket and its state machine, by the stack's outputs.
import { CloudFormationClient, DescribeStacksCommand } from '@aws-sdk/client-cloudformation';
import { SFNClient } from '@aws-sdk/client-sfn';
import { createS3Client, S3Store } from '../../src/batch/s3-store.ts';
import { findRegion } from '../deploy/account.ts';
import type { Architecture } from '../deploy/lambda-prices.ts';
import { BatchError } from './failure.ts';

export interface BatchStack {
  readonly store: S3Store;
  readonly stateMachine: string;
  readonly stepFunctions: SFNClient;
  /** Of the function that answers, in megabytes. */
  readonly megabytes: number;
  readonly architecture: Architecture;
}

/**
 * @throws {BatchError} when there is no such stack, or it has no batches
 * @throws {DeployError} when there is no region
 */
export async function connectStack({
  stack,
  region,
}: {
  readonly stack: string;
  readonly region?: string;
}): Promise<BatchStack> {
  const unsettled = new CloudFormationClient({});
  const settings = { region: await findRegion(region, process.env, () => unsettled.config.region()) };
  const { Outputs, Parameters } = await describe(new CloudFormationClient(settings), stack);
  const output = (key: string) => {
    const value = Outputs?.find(({ OutputKey }) => OutputKey === key)?.OutputValue;
    if (value === undefined)
      throw new BatchError(`The stack ${stack} has no output ${key}: is it this project's?`);
    return value;
  };
  const parameter = (key: string) =>
    Parameters?.find(({ ParameterKey }) => ParameterKey === key)?.ParameterValue;
  return {
    store: new S3Store(createS3Client(settings), output('BatchBucket')),
    stateMachine: output('BatchStateMachine'),
    stepFunctions: new SFNClient(settings),
    megabytes: Number(parameter('BatchMemorySize') ?? 1769),
    architecture: parameter('Architecture') === 'x86_64' ? 'x86_64' : 'arm64',
  };
}

async function describe(client: CloudFormationClient, stack: string) {
  try {
    const { Stacks = [] } = await client.send(new DescribeStacksCommand({ StackName: stack }));
    const [found] = Stacks;
    if (found !== undefined) return found;
  } catch (error) {
    if ((error as Error).name !== 'ValidationError') throw error;
  }
  throw new BatchError(`There is no stack ${stack} here: deploy it, or pass --stack and --region.`);
}
