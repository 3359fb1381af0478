// Whether the account's quotas have room for what the parameters ask, before ten minutes are spent on building it.
import { GetAccountSettingsCommand, type LambdaClient } from '@aws-sdk/client-lambda';
import { DeployError, toDeployError } from './errors.ts';
import type { ParameterValues } from './template-parameters.ts';

/** What Lambda keeps for functions without a reservation: https://docs.aws.amazon.com/lambda/latest/dg/configuration-concurrency.html */
const keptUnreserved = 100;

/** Megabytes that a function of a new account may have, until its quota is raised; no request tells the quota. */
const memoryOfNewAccounts = 3_008;

interface QuotaQuestion {
  /** What is to be deployed, and what of it is deployed already. */
  readonly wanted: ParameterValues;
  readonly deployed: ParameterValues;
}

/**
 * Checks the concurrency that is to be reserved, and returns lines about it. An account that does not tell its quotas
 * stops nothing: CloudFormation will.
 *
 * @throws {DeployError} `no-concurrency`
 */
export async function checkQuotas(
  client: LambdaClient,
  question: QuotaQuestion,
  abortSignal: AbortSignal,
): Promise<readonly string[]> {
  return [await checkConcurrency(client, question, abortSignal), ...describeMemory(question)];
}

async function checkConcurrency(
  client: LambdaClient,
  { wanted, deployed }: QuotaQuestion,
  abortSignal: AbortSignal,
): Promise<string> {
  const provisioned = countOf(wanted.ProvisionedConcurrency);
  const reserved = countOf(wanted.ReservedConcurrency);
  if (reserved > 0 && provisioned > reserved) {
    throw new DeployError(
      'no-concurrency',
      `ProvisionedConcurrency=${provisioned} does not fit into ReservedConcurrency=${reserved}: raise this, or lower that.`,
    );
  }
  const limits = await readLimits(client, abortSignal);
  if (limits instanceof DeployError) return `Concurrency: not checked. ${limits.message}`;
  const { all, unreserved } = limits;
  const added = reserved - countOf(deployed.ReservedConcurrency);
  const room = unreserved - Math.min(keptUnreserved, all);
  if (added > 0 && added > room) {
    throw new DeployError(
      'no-concurrency',
      `ReservedConcurrency=${reserved} does not fit: of the account's ${all} concurrent executions ${unreserved} are unreserved, and Lambda keeps ${Math.min(keptUnreserved, all)} of them so. Up to ${Math.max(0, room + reserved - added)} can be reserved; Service Quotas raises the account's number.`,
    );
  }
  return `Concurrency: ${unreserved} of the account's ${all} concurrent executions are unreserved, ${reserved} are to be reserved.`;
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

/** What was deployed before has shown that the account may have it. */
function describeMemory({ wanted, deployed }: QuotaQuestion): readonly string[] {
  return ['MemorySize', 'BatchMemorySize']
    .filter((name) => countOf(wanted[name]) > Math.max(memoryOfNewAccounts, countOf(deployed[name])))
    .map(
      (name) =>
        `Memory: ${name}=${wanted[name]} is more than the ${memoryOfNewAccounts} MB that a new account may have. If this one is new, ask AWS to raise its quota, or add --parameter ${name}=${memoryOfNewAccounts}.`,
    );
}

function countOf(value: string | undefined): number {
  return Number(value ?? 0);
}
