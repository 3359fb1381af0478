// The steps of `npm run deploy`. All checks come before the build, which takes minutes, and before any change on AWS.
import { fileURLToPath } from 'node:url';
import { reasonOf } from '../store/errors.ts';
import { formatTable } from '../terminal/format.ts';
import { type Clients, chooseRegion, connect } from './clients.ts';
import { checkContainerEngine } from './container-engine.ts';
import { assertCanConfirm, type DeployEnvironment } from './deploy-environment.ts';
import { DeployError } from './errors.ts';
import { requestFirstCompletion } from './first-request.ts';
import { confirmLosses, deleteLostBuckets, findLostBuckets } from './lost-buckets.ts';
import { checkQuotas } from './quotas.ts';
import { prepareSam, runSam, toOverrides } from './run-sam.ts';
import { chooseParameters, parseAssignments, stackNameOf } from './settings.ts';
import { assertUpdatable, findStack, isNotCreated, type Stack } from './stack.ts';
import type { ParameterValues } from './template-parameters.ts';

/** Absolute, because the SAM CLI reads another path from the folder of the built template. */
const samConfiguration = fileURLToPath(new URL('../../infra/samconfig.toml', import.meta.url));

export interface DeployOptions {
  readonly environment: string;
  readonly region?: string;
  /** Template parameters as `Key=Value`. */
  readonly parameter?: readonly string[];
  /** Deploys without asking for confirmation. Default: false. */
  readonly yes?: boolean;
}

/**
 * Builds the images, deploys the stack, and requests a completion from it.
 *
 * @throws {DeployError} when a check, the build, the deployment, the request or the deletion of a bucket fails
 */
export async function deployStack(
  options: DeployOptions,
  deployEnvironment: DeployEnvironment,
): Promise<void> {
  const { environment, yes = false } = options;
  const { print, signal } = deployEnvironment;
  assertCanConfirm(deployEnvironment, yes);
  const region = await chooseRegion(options.region, deployEnvironment.env);
  const parameters = chooseParameters(environment, options.parameter ?? [], { region });
  const clients = await connect(region, deployEnvironment);
  print(await checkContainerEngine(parameters.Architecture ?? 'x86_64', signal));
  const name = stackNameOf(environment);
  const before = await findStack(clients.cloudFormation, name, signal);
  if (before !== undefined) assertUpdatable(before, `npm run destroy -- --environment ${environment}`);
  const deployed = before?.parameters ?? {};
  for (const line of await checkQuotas(clients.lambda, { wanted: parameters, deployed }, signal)) print(line);
  print(describeChanges(parameters, before));
  const lost = findLostBuckets(before, parameters);
  const named = parseAssignments(options.parameter ?? []);
  await confirmLosses(lost, { yes, named }, clients, deployEnvironment);

  await buildAndDeploy({ name, environment, parameters, yes, clients }, deployEnvironment);

  const stack = await findStack(clients.cloudFormation, name, signal);
  if (stack === undefined || isNotCreated(stack)) {
    throw new DeployError(
      'declined',
      `Nothing was deployed: ${name} has an unexecuted change set. 'npm run destroy -- --environment ${environment}' removes it.`,
    );
  }
  if (before !== undefined && stack.changedAt === before.changedAt) {
    print(`${name} was not changed: there are no changes, or they were declined.`);
  }
  print(`Outputs of ${name}:`);
  print(formatTable(Object.entries(stack.outputs), []));
  const failures: unknown[] = [];
  await smokeTest(stack, clients, deployEnvironment).catch((error: unknown) => failures.push(error));
  // Whatever the request says: nobody would find the buckets later.
  failures.push(...(await deleteLostBuckets(lost, stack, clients, deployEnvironment)));
  for (const other of failures.slice(1)) print(reasonOf(other));
  if (failures.length > 0) throw failures[0];
}

interface Deployment {
  readonly name: string;
  readonly environment: string;
  readonly parameters: ParameterValues;
  readonly yes: boolean;
  readonly clients: Clients;
}

async function buildAndDeploy(
  { name, environment, parameters, yes, clients }: Deployment,
  { print, signal }: DeployEnvironment,
): Promise<void> {
  const sam = await prepareSam(print);
  const where = ['--region', clients.region];
  const overrides = toOverrides(parameters);
  // Of its own, so that a deployment of another stack never deploys this one's image. SAM keeps a file beside it.
  const built = `.aws-sam/${name}-${clients.region}/build`;
  print('Building the images.');
  await runSam(
    sam,
    ['build', '--template', 'infra/template.yaml', '--build-dir', built, ...where, ...overrides],
    signal,
  );
  print(`Deploying ${name}${yes ? '' : '; the changes are shown for confirmation first'}.`);
  await runSam(
    sam,
    [
      'deploy',
      ...['--template-file', `${built}/template.yaml`],
      ...['--config-file', samConfiguration, '--config-env', environment],
      ...where,
      yes ? '--no-confirm-changeset' : '--confirm-changeset',
      '--no-fail-on-empty-changeset',
      ...overrides,
    ],
    signal,
  );
}

/** Lists the parameters whose deployed value will change. */
function describeChanges(wanted: ParameterValues, before: Stack | undefined): string {
  if (before === undefined || isNotCreated(before)) return 'Parameters: all are new.';
  const changes = Object.entries(wanted)
    .filter(([name, value]) => before.parameters[name] !== value)
    .map(([name, value]) => `${name} from ${before.parameters[name] ?? 'nothing'} to ${value || 'nothing'}`);
  if (changes.length === 0) return 'Parameters: all are unchanged.';
  return `Parameters: ${changes.join(', ')}; all others are unchanged.`;
}

async function smokeTest(
  stack: Stack,
  { region, sts, lambda }: Clients,
  { print, signal, delay }: DeployEnvironment,
): Promise<void> {
  print('Requesting a completion; the first one starts a function.');
  const { credentials, sha256 } = sts.config;
  const signing = { region, credentials, sha256 };
  const { prompt, text, seconds } = await requestFirstCompletion(stack, { signing, lambda, signal, delay });
  print(`Completed ${JSON.stringify(prompt)} with ${JSON.stringify(text)} in ${seconds.toFixed(1)} s.`);
}
