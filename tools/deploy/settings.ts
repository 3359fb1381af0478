// Parameter values of a deployment: the template's defaults, overridden by the environment's file, then by the command
// line. Deployed values are never reused, so the same command always makes the same stack.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';
import { z } from 'zod';
import { DeployError } from './errors.ts';
import { checkImageContents } from './image-contents.ts';
import {
  checkValues,
  defaultValues,
  type ParameterValues,
  readTemplateParameters,
} from './template-parameters.ts';
import { checkRules } from './template-rules.ts';

/** Each environment has a section in infra/samconfig.toml and a file in infra/environments. */
export const environments = ['dev', 'prod'] as const;

/** Returns the stack name that `infra/samconfig.toml` gives an environment. */
export function stackNameOf(environment: string): string {
  return `gguf-lambda-${environment}`;
}

const infra = fileURLToPath(new URL('../../infra/', import.meta.url));

/** Booleans are rejected, because the SAM CLI would read `true` from this file as `True`. */
const environmentSchema = z
  .record(z.string(), z.union([z.string(), z.number()]).transform(String))
  .nullable();

/**
 * Returns a value for every parameter of the template. `assignments` are `Key=Value` texts from the command line.
 * `folder` contains the template and the environments; default: `infra`. `region` is that of the stack.
 *
 * @throws {DeployError} `unknown-parameter` or `unusable-parameter`
 */
export function chooseParameters(
  environment: string,
  assignments: readonly string[],
  { region, folder = infra }: { readonly region?: string; readonly folder?: string } = {},
): ParameterValues {
  const template = readFileSync(join(folder, 'template.yaml'), 'utf8');
  const declared = readTemplateParameters(template);
  const environmentValues = readEnvironment(environment, folder);
  const commandLineValues = parseAssignments(assignments);
  checkValues(declared, environmentValues, `infra/environments/${environment}.yaml`);
  checkValues(declared, commandLineValues, '--parameter');
  const given = { ...environmentValues, ...commandLineValues };
  const chosen = { ...defaultValues(declared), ...given };
  const values = withRevision(chosen, given, [stackNameOf(environment), region]);
  const missing = [...declared.keys()].find((name) => values[name] === undefined);
  if (missing !== undefined) {
    const message = `The parameter ${missing} has no value: add --parameter ${missing}=VALUE to the command.`;
    throw new DeployError('unusable-parameter', message);
  }
  checkRules(template, values);
  checkImageContents(values);
  return values;
}

/**
 * Sets the template's `Revision`, the image tag, to a digest of all other values. SAM publishes a new function version
 * only when the text of a property changes. A property that refers to a parameter keeps its text; the image tag does not.
 * The digest is also of the stack, because SAM pushes the image that has the tag on this machine at that moment: builds for
 * two stacks must not take it from each other.
 */
function withRevision(
  values: ParameterValues,
  given: ParameterValues,
  stack: readonly unknown[],
): ParameterValues {
  if (values.Revision === undefined || given.Revision !== undefined) return values;
  const sorted = Object.entries(values).toSorted(([one], [other]) => one.localeCompare(other));
  return {
    ...values,
    Revision: createHash('sha256')
      .update(JSON.stringify([stack, sorted]))
      .digest('hex')
      .slice(0, 12),
  };
}

function readEnvironment(environment: string, folder: string): ParameterValues {
  const text = readFileSync(join(folder, 'environments', `${environment}.yaml`), 'utf8');
  const { data, error } = environmentSchema.safeParse(parse(text));
  if (error === undefined) return data ?? {};
  const name = error.issues[0]?.path.join('.') ?? '';
  throw new DeployError(
    'unusable-parameter',
    `infra/environments/${environment}.yaml: ${name} must be a number or a quoted text, such as "true".`,
  );
}

/**
 * Parses `Key=Value` texts from the command line.
 *
 * @throws {DeployError} `unusable-parameter`
 */
export function parseAssignments(assignments: readonly string[]): ParameterValues {
  const values = new Map<string, string>();
  for (const assignment of assignments) {
    const [, name, value] = /^([A-Za-z0-9]+)=(.*)$/s.exec(assignment) ?? [];
    if (name === undefined || value === undefined) {
      throw new DeployError('unusable-parameter', `--parameter ${assignment} is not of the form Key=Value.`);
    }
    if (values.has(name))
      throw new DeployError('unusable-parameter', `--parameter ${name} is given twice: remove one.`);
    values.set(name, value);
  }
  return Object.fromEntries(values);
}
