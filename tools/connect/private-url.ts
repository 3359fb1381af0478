// Finds the Function URL to connect to.
import { STSClient } from '@aws-sdk/client-sts';
import { findRegion } from '../deploy/account.ts';
import { connect } from '../deploy/clients.ts';
import type { DeployEnvironment } from '../deploy/deploy-environment.ts';
import { DeployError } from '../deploy/errors.ts';
import { stackNameOf } from '../deploy/settings.ts';
import { findStack } from '../deploy/stack.ts';

export interface UrlOptions {
  readonly environment: string;
  readonly region?: string;
  readonly url?: string;
}

export interface PrivateUrl {
  readonly url: URL;
  /** The region that its requests are signed for. */
  readonly region: string;
}

/**
 * Returns the URL that the options name, or that of the environment's stack.
 *
 * @throws {DeployError} when there is no stack, no URL, or the URL is public
 */
export async function findPrivateUrl(
  options: UrlOptions,
  deployEnvironment: DeployEnvironment,
): Promise<PrivateUrl> {
  if (options.url === undefined) return findUrlOfStack(options, deployEnvironment);
  const url = URL.parse(options.url);
  if (url === null || !/^https?:$/.test(url.protocol))
    throw new DeployError(
      'no-private-url',
      `--url ${options.url} is not a URL: use the one that 'npm run deploy' printed as StreamUrl.`,
    );
  const [, region] = /\.lambda-url\.([a-z\d-]+)\.on\.aws$/.exec(url.hostname) ?? [];
  const { env } = deployEnvironment;
  return {
    url,
    region: await findRegion(options.region ?? region, env, () => new STSClient({}).config.region()),
  };
}

async function findUrlOfStack(
  { environment, region: option }: UrlOptions,
  deployEnvironment: DeployEnvironment,
): Promise<PrivateUrl> {
  const { region, cloudFormation } = await connect(option, deployEnvironment);
  const name = stackNameOf(environment);
  const stack = await findStack(cloudFormation, name, deployEnvironment.signal);
  if (stack === undefined)
    throw new DeployError(
      'no-private-url',
      `There is no stack ${name} in ${region}: deploy it with 'npm run deploy -- --environment ${environment}', or add its --region.`,
    );
  const { StreamUrl, StreamAuth } = stack.outputs;
  if (StreamUrl === undefined || !URL.canParse(StreamUrl))
    throw new DeployError('no-private-url', `${name} has no output StreamUrl: deploy it again.`);
  if (StreamAuth === 'NONE')
    throw new DeployError(
      'no-private-url',
      `The URL of ${name} is public: use ${StreamUrl}v1 with the API key itself. Only a URL with AWS_IAM needs signatures.`,
    );
  return { url: new URL(StreamUrl), region };
}
