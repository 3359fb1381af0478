// The steps of `npm run deploy`. What can be refused is refused before anything is built or changed.
import { formatTable } from '../terminal/format.ts';
import { type Clients, connect } from './clients.ts';
import { checkContainerEngine } from './container-engine.ts';
import { assertAnswerable, type Surroundings } from './deploy-environment.ts';
import { DeployError } from './errors.ts';
import { askFirst } from './first-request.ts';
import { checkQuotas } from './quotas.ts';
import { prepareSam, runSam, toOverrides } from './run-sam.ts';
import { chooseParameters, stackNameOf } from './settings.ts';
import { assertUpdatable, findStack, isOnlyPrepared, type Stack } from './stack.ts';
import type { ParameterValues } from './template-parameters.ts';

export interface DeployOptions {
  readonly environment: string;
  readonly region?: string;
  /** `Key=Value` for parameters of the template. */
  readonly parameter?: readonly string[];
  /** Whether the changes are agreed to unseen. */
  readonly yes?: boolean;
}

/** Builds the images, deploys the stack, and asks it for a completion. */
export async function deployStack(options: DeployOptions, surroundings: Surroundings): Promise<void> {
  const { environment, yes = false } = options;
  const { say, signal } = surroundings;
  assertAnswerable(surroundings, yes);
  const parameters = chooseParameters(environment, options.parameter ?? []);
  const clients = await connect(options.region, surroundings);
  say(await checkContainerEngine(parameters.Architecture ?? 'x86_64', signal));
  const name = stackNameOf(environment);
  const before = await findStack(clients.cloudFormation, name, signal);
  if (before !== undefined) assertUpdatable(before, `npm run destroy -- --environment ${environment}`);
  const deployed = before?.parameters ?? {};
  for (const line of await checkQuotas(clients.lambda, { wanted: parameters, deployed }, signal)) say(line);
  say(describeParameters(parameters, before));

  await buildAndDeploy({ name, environment, parameters, yes, clients }, surroundings);

  const stack = await findStack(clients.cloudFormation, name, signal);
  if (stack === undefined || isOnlyPrepared(stack)) {
    throw new DeployError(
      'declined',
      `Nothing was deployed: ${name} is prepared only. 'npm run destroy -- --environment ${environment}' removes what was.`,
    );
  }
  if (before !== undefined && stack.changedAt === before.changedAt) {
    say(`${name} was not changed: it is as it was.`);
  }
  say(`Outputs of ${name}:`);
  say(formatTable(Object.entries(stack.outputs), []));
  await tryOut(stack, clients, surroundings);
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
  { say, signal }: Surroundings,
): Promise<void> {
  const sam = await prepareSam(say);
  const where = ['--region', clients.region];
  const overrides = toOverrides(parameters);
  say('Building the images.');
  await runSam(sam, ['build', '--template', 'infra/template.yaml', ...where, ...overrides], signal);
  say(`Deploying ${name}${yes ? '' : '; what will change is shown before it is changed'}.`);
  await runSam(
    sam,
    [
      'deploy',
      ...['--config-file', 'infra/samconfig.toml', '--config-env', environment],
      ...where,
      yes ? '--no-confirm-changeset' : '--confirm-changeset',
      '--no-fail-on-empty-changeset',
      ...overrides,
    ],
    signal,
  );
}

/** Which values will be others than they are. */
function describeParameters(wanted: ParameterValues, before: Stack | undefined): string {
  if (before === undefined || isOnlyPrepared(before)) return 'Parameters: all are new.';
  const changes = Object.entries(wanted)
    .filter(([name, value]) => before.parameters[name] !== value)
    .map(([name, value]) => `${name} from ${before.parameters[name] ?? 'nothing'} to ${value || 'nothing'}`);
  if (changes.length === 0) return 'Parameters: all stay as they are.';
  return `Parameters: ${changes.join(', ')}; all others stay as they are.`;
}

async function tryOut(
  stack: Stack,
  { region, sts, lambda }: Clients,
  { say, signal, delay }: Surroundings,
): Promise<void> {
  say('Asking for a completion, which starts a function.');
  const { credentials, sha256 } = sts.config;
  const signing = { region, credentials, sha256 };
  const { prompt, text, seconds } = await askFirst(stack, { signing, lambda, signal, delay });
  say(`${JSON.stringify(prompt)} goes on with ${JSON.stringify(text)}, after ${seconds.toFixed(1)} s.`);
}
