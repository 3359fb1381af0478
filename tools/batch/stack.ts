// Finds the bucket and the state machine of a deployed stack in its outputs.
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
  /** Memory of the function `batch`. */
  readonly megabytes: number;
  readonly architecture: Architecture;
}

/**
 * @throws {BatchError} when the stack does not exist, or is not a stack of this project
 * @throws {DeployError} when no region is set
 */
export async function connectStack({
  stack,
  region,
}: {
  readonly stack: string;
  readonly region?: string;
}): Promise<BatchStack> {
  const defaultClient = new CloudFormationClient({});
  const settings = { region: await findRegion(region, process.env, () => defaultClient.config.region()) };
  const { Outputs, Parameters } = await describe(new CloudFormationClient(settings), stack);
  const output = (key: string) => {
    const value = Outputs?.find(({ OutputKey }) => OutputKey === key)?.OutputValue;
    if (value === undefined)
      throw new BatchError(
        `The stack ${stack} has no output ${key}: name a stack of this project with --stack.`,
      );
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
  throw new BatchError(`There is no stack ${stack} in this region: deploy it, or set --stack and --region.`);
}
