// Finds the region and the AWS account that a command acts on.
import { GetCallerIdentityCommand, type STSClient } from '@aws-sdk/client-sts';
import { type Environment, readText } from '../../src/config/environment.ts';
import { DeployError, toDeployError } from './errors.ts';

/**
 * Returns the first region that is set: the option, AWS_REGION, AWS_DEFAULT_REGION, or the SDK's configuration.
 *
 * @throws {DeployError} `no-region` when none is set, or the value does not have the form of a region
 */
export async function findRegion(
  option: string | undefined,
  env: Environment,
  configured: () => Promise<string>,
): Promise<string> {
  const named =
    option ?? readText(env, 'AWS_REGION', undefined) ?? readText(env, 'AWS_DEFAULT_REGION', undefined);
  const region = named ?? (await configured().catch(() => undefined));
  const advice = 'add --region eu-central-1 to the command, or set AWS_REGION';
  if (region === undefined) throw new DeployError('no-region', `No AWS region is set: ${advice}.`);
  if (/^[a-z]{2,}(?:-[a-z]+)+-\d+$/.test(region)) return region;
  throw new DeployError('no-region', `${JSON.stringify(region)} is not an AWS region: ${advice}.`);
}

/** The identity that the credentials belong to. */
export interface Caller {
  readonly account: string;
  readonly arn: string;
}

/**
 * Asks STS which account and identity the credentials belong to.
 *
 * @throws {DeployError} when there are no credentials, or AWS rejects them
 */
export async function findCaller(client: STSClient, abortSignal: AbortSignal): Promise<Caller> {
  try {
    const { Account = '', Arn = '' } = await client.send(new GetCallerIdentityCommand({}), { abortSignal });
    return { account: Account, arn: Arn };
  } catch (error) {
    throw toDeployError(error, 'sts:GetCallerIdentity');
  }
}
