// AWS clients of one region, and the identity that they act as.
import { CloudFormationClient } from '@aws-sdk/client-cloudformation';
import { LambdaClient } from '@aws-sdk/client-lambda';
import { S3Client } from '@aws-sdk/client-s3';
import { SFNClient } from '@aws-sdk/client-sfn';
import { STSClient } from '@aws-sdk/client-sts';
import type { Environment } from '../../src/config/environment.ts';
import { type Caller, findCaller, findRegion } from './account.ts';
import type { DeployEnvironment } from './deploy-environment.ts';

export interface Clients {
  readonly region: string;
  readonly caller: Caller;
  readonly sts: STSClient;
  readonly lambda: LambdaClient;
  readonly cloudFormation: CloudFormationClient;
  readonly s3: S3Client;
  readonly stepFunctions: SFNClient;
}

/**
 * Returns the region that a command acts on.
 *
 * @throws {DeployError} `no-region`
 */
export async function chooseRegion(option: string | undefined, env: Environment): Promise<string> {
  return findRegion(option, env, () => new STSClient({}).config.region());
}

/**
 * Finds the region and the account, prints both, and creates the clients.
 *
 * @throws {DeployError} when no region is set, or no credentials are usable
 */
export async function connect(
  regionOption: string | undefined,
  { env, print, signal }: DeployEnvironment,
): Promise<Clients> {
  const region = await chooseRegion(regionOption, env);
  const sts = new STSClient({ region });
  const caller = await findCaller(sts, signal);
  print(`Account: ${caller.account}, as ${caller.arn}.`);
  print(`Region: ${region}.`);
  return {
    region,
    caller,
    sts,
    lambda: new LambdaClient({ region }),
    cloudFormation: new CloudFormationClient({ region }),
    s3: new S3Client({ region }),
    stepFunctions: new SFNClient({ region }),
  };
}
