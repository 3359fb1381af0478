// Checks the parameters against the account's quotas, before the build spends ten minutes.
import { GetAccountSettingsCommand, type LambdaClient } from '@aws-sdk/client-lambda';
import { DeployError, toDeployError } from './errors.ts';
import type { ParameterValues } from './template-parameters.ts';

/** Concurrency that Lambda keeps unreserved: https://docs.aws.amazon.com/lambda/latest/dg/configuration-concurrency.html */
const minimumUnreserved = 100;

/** Megabytes that a function of a new account may have until AWS raises the quota. No API returns this quota. */
const newAccountMemory = 3_008;

interface QuotaCheck {
  readonly wanted: ParameterValues;
  /** The values of the deployed stack; empty when there is none. */
  readonly deployed: ParameterValues;
}

/**
 * Checks the reserved concurrency, and returns lines to print. When the quotas cannot be read, the check is skipped and
 * CloudFormation makes it later.
 *
 * @throws {DeployError} `no-concurrency` when the account cannot reserve this much
 */
export async function checkQuotas(
  client: LambdaClient,
  check: QuotaCheck,
  abortSignal: AbortSignal,
): Promise<readonly string[]> {
  return [await checkConcurrency(client, check, abortSignal), ...describeMemory(check)];
}

async function checkConcurrency(
  client: LambdaClient,
  { wanted, deployed }: QuotaCheck,
  abortSignal: AbortSignal,
): Promise<string> {
  const provisioned = toNumber(wanted.ProvisionedConcurrency);
  const reserved = toNumber(wanted.ReservedConcurrency);
  if (reserved > 0 && provisioned > reserved) {
    throw new DeployError(
      'no-concurrency',
      `ProvisionedConcurrency=${provisioned} is more than ReservedConcurrency=${reserved}: lower ProvisionedConcurrency, or raise ReservedConcurrency.`,
    );
  }
  const limits = await readLimits(client, abortSignal);
  if (limits instanceof DeployError) return `Concurrency: not checked. ${limits.message}`;
  const { all, unreserved } = limits;
  const added = reserved - toNumber(deployed.ReservedConcurrency);
  const room = unreserved - Math.min(minimumUnreserved, all);
  if (added > 0 && added > room) {
    throw new DeployError(
      'no-concurrency',
      `ReservedConcurrency=${reserved} exceeds the account's quota: ${unreserved} of its ${all} concurrent executions are unreserved, and Lambda keeps ${Math.min(minimumUnreserved, all)} unreserved. Reserve at most ${Math.max(0, room + reserved - added)}, or raise the quota in Service Quotas.`,
    );
  }
  return `Concurrency: ${unreserved} of the account's ${all} concurrent executions are unreserved; this deployment reserves ${reserved}.`;
}

async function readLimits(
  client: LambdaClient,
  abortSignal: AbortSignal,
): Promise<{ readonly all: number; readonly unreserved: number } | DeployError> {
  try {
    const { AccountLimit } = await client.send(new GetAccountSettingsCommand({}), { abortSignal });
    const all = AccountLimit?.ConcurrentExecutions ?? 0;
    return { all, unreserved: AccountLimit?.UnreservedConcurrentExecutions ?? all };
  } catch (error) {
    return toDeployError(error, 'lambda:GetAccountSettings');
  }
}

/** Warns about memory above a new account's limit, unless the deployed stack already has as much. */
function describeMemory({ wanted, deployed }: QuotaCheck): readonly string[] {
  return ['MemorySize', 'BatchMemorySize']
    .filter((name) => toNumber(wanted[name]) > Math.max(newAccountMemory, toNumber(deployed[name])))
    .map(
      (name) =>
        `Memory: ${name}=${wanted[name]} exceeds the ${newAccountMemory} MB of a new account. If this account is new, ask AWS to raise its quota, or add --parameter ${name}=${newAccountMemory}.`,
    );
}

function toNumber(value: string | undefined): number {
  return Number(value ?? 0);
}
