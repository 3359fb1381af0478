// Where it is deployed to: the region, and the account that the credentials are of.
import { GetCallerIdentityCommand, type STSClient } from '@aws-sdk/client-sts';
import { type Environment, readText } from '../../src/config/environment.ts';
import { DeployError, toDeployError } from './errors.ts';

/**
 * The region of the option, of AWS_REGION or AWS_DEFAULT_REGION, or that of the SDK's own configuration.
 *
 * @throws {DeployError} `no-region` when none of them names one
 */
export async function findRegion(
  option: string | undefined,
  env: Environment,
  configured: () => Promise<string>,
): Promise<string> {
  const named =
    option ?? readText(env, 'AWS_REGION', undefined) ?? readText(env, 'AWS_DEFAULT_REGION', undefined);
  const region = named ?? (await configured().catch(() => undefined));
  const advice = 'add --region to the command, or set AWS_REGION, such as to eu-central-1';
  if (region === undefined) throw new DeployError('no-region', `There is no AWS region: ${advice}.`);
  if (/^[a-z]{2,}(?:-[a-z]+)+-\d+$/.test(region)) return region;
  throw new DeployError('no-region', `${JSON.stringify(region)} is no AWS region: ${advice}.`);
}

/** The account, and who acts in it. */
export interface Caller {
  readonly account: string;
  readonly arn: string;
}

/**
 * Who the credentials are of.
 *
 * @throws {DeployError} when there are none, or AWS does not take them
 */
export async function findCaller(client: STSClient, abortSignal: AbortSignal): Promise<Caller> {
  try {
    const { Account = '', Arn = '' } = await client.send(new GetCallerIdentityCommand({}), { abortSignal });
    return { account: Account, arn: Arn };
  } catch (error) {
    throw toDeployError(error, 'sts:GetCallerIdentity');
  }
}
