// What a deployment is made of: the template's own values, the environment's, and those of the command line. Nothing is
// taken over from what is deployed, so that the same command always makes the same stack.
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

/** infra/samconfig.toml has a section, and infra/environments a file, for each. */
export const environments = ['dev', 'prod'] as const;

/** What `infra/samconfig.toml` calls an environment's stack. */
export function stackNameOf(environment: string): string {
  return `gguf-lambda-${environment}`;
}

const infra = fileURLToPath(new URL('../../infra/', import.meta.url));

/** A boolean would be `True` to the SAM CLI, which no template expects. */
const environmentSchema = z
  .record(z.string(), z.union([z.string(), z.number()]).transform(String))
  .nullable();

/**
 * The value of every parameter of the template. `assignments` are `Key=Value` from the command line, and `folder` has the
 * template and the environments: by default `infra`.
 *
 * @throws {DeployError} `unknown-parameter` or `unusable-parameter`
 */
export function chooseParameters(
  environment: string,
  assignments: readonly string[],
  folder = infra,
): ParameterValues {
  const template = readFileSync(join(folder, 'template.yaml'), 'utf8');
  const declared = readTemplateParameters(template);
  const ofEnvironment = readEnvironment(environment, folder);
  const ofCommandLine = parseAssignments(assignments);
  checkValues(declared, ofEnvironment, `infra/environments/${environment}.yaml`);
  checkValues(declared, ofCommandLine, '--parameter');
  const given = { ...ofEnvironment, ...ofCommandLine };
  const values = withRevision({ ...defaultValues(declared), ...given }, given);
  const missing = [...declared.keys()].find((name) => values[name] === undefined);
  if (missing !== undefined) {
    const message = `The parameter ${missing} has no value: add --parameter ${missing}=… to the command.`;
    throw new DeployError('unusable-parameter', message);
  }
  checkRules(template, values);
  checkImageContents(values);
  return values;
}

/**
 * The template's `Revision` becomes a digest of all other values. SAM publishes a version of a function when its properties
 * change as they are written, which those that name a parameter never do; the image's tag, which this is, is written out.
 */
function withRevision(values: ParameterValues, given: ParameterValues): ParameterValues {
  if (values.Revision === undefined || given.Revision !== undefined) return values;
  const sorted = Object.entries(values).toSorted(([one], [other]) => one.localeCompare(other));
  return {
    ...values,
    Revision: createHash('sha256').update(JSON.stringify(sorted)).digest('hex').slice(0, 12),
  };
}

function readEnvironment(environment: string, folder: string): ParameterValues {
  const text = readFileSync(join(folder, 'environments', `${environment}.yaml`), 'utf8');
  const { data, error } = environmentSchema.safeParse(parse(text));
  if (error === undefined) return data ?? {};
  const name = error.issues[0]?.path.join('.') ?? '';
  throw new DeployError(
    'unusable-parameter',
    `infra/environments/${environment}.yaml: ${name} cannot be used: expected a number or a text ("true", with quotation marks).`,
  );
}

function parseAssignments(assignments: readonly string[]): ParameterValues {
  const values = new Map<string, string>();
  for (const assignment of assignments) {
    const [, name, value] = /^([A-Za-z0-9]+)=(.*)$/s.exec(assignment) ?? [];
    if (name === undefined || value === undefined) {
      throw new DeployError(
        'unusable-parameter',
        `--parameter ${assignment} cannot be used: expected Key=Value.`,
      );
    }
    if (values.has(name)) throw new DeployError('unusable-parameter', `--parameter ${name} is given twice.`);
    values.set(name, value);
  }
  return Object.fromEntries(values);
}
