// The clients of one region, and whose credentials they have.
import { CloudFormationClient } from '@aws-sdk/client-cloudformation';
import { LambdaClient } from '@aws-sdk/client-lambda';
import { S3Client } from '@aws-sdk/client-s3';
import { SFNClient } from '@aws-sdk/client-sfn';
import { STSClient } from '@aws-sdk/client-sts';
import { type Caller, findCaller, findRegion } from './account.ts';
import type { Surroundings } from './deploy-environment.ts';

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
 * Finds the region and the account, and says which they are.
 *
 * @throws {DeployError} when there is no region, or no usable credentials
 */
export async function connect(
  regionOption: string | undefined,
  { env, say, signal }: Surroundings,
): Promise<Clients> {
  const region = await findRegion(regionOption, env, () => new STSClient({}).config.region());
  const sts = new STSClient({ region });
  const caller = await findCaller(sts, signal);
  say(`Account: ${caller.account}, as ${caller.arn}.`);
  say(`Region: ${region}.`);
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
