// Reads the parameters that the template declares, and checks values against them before the build.
import { parse } from 'yaml';
import { z } from 'zod';
import { DeployError } from './errors.ts';

/** CloudFormation represents all parameter values as strings. */
const scalar = z.union([z.string(), z.number(), z.boolean()]).transform(String);

const parameterSchema = z.object({
  Type: z.string(),
  Default: scalar.optional(),
  AllowedValues: z.array(scalar).optional(),
  AllowedPattern: z.string().optional(),
  ConstraintDescription: z.string().optional(),
  MinValue: z.coerce.number().optional(),
  MaxValue: z.coerce.number().optional(),
  MinLength: z.coerce.number().optional(),
  MaxLength: z.coerce.number().optional(),
});

type TemplateParameter = z.infer<typeof parameterSchema>;

/** Declared parameters by name. */
export type TemplateParameters = ReadonlyMap<string, TemplateParameter>;

/** Parameter values by name. */
export type ParameterValues = Readonly<Record<string, string>>;

/** Reads the `Parameters` of a YAML template. Ignores CloudFormation's tags elsewhere in the template. */
export function readTemplateParameters(template: string): TemplateParameters {
  const { Parameters } = z
    .object({ Parameters: z.record(z.string(), parameterSchema).default({}) })
    .parse(parse(template, { logLevel: 'error' }));
  return new Map(Object.entries(Parameters));
}

/** Returns the defaults that the template declares. */
export function defaultValues(declared: TemplateParameters): ParameterValues {
  return Object.fromEntries(
    [...declared].flatMap(([name, { Default }]) => (Default === undefined ? [] : [[name, Default]])),
  );
}

/**
 * Checks names and values by CloudFormation's rules. `origin` names the source of the values in messages.
 *
 * @throws {DeployError} `unknown-parameter` or `unusable-parameter` for the first invalid one
 */
export function checkValues(declared: TemplateParameters, values: ParameterValues, origin: string): void {
  for (const [name, value] of Object.entries(values)) {
    const parameter = declared.get(name);
    if (parameter === undefined) {
      const known = [...declared.keys()].join(', ');
      throw new DeployError(
        'unknown-parameter',
        `${origin}: unknown parameter ${name}; the parameters are: ${known}.`,
      );
    }
    const expected = findExpectation(parameter, value);
    if (expected === undefined) continue;
    throw new DeployError(
      'unusable-parameter',
      `${origin}: ${name}=${JSON.stringify(value)} is invalid: expected ${expected}.`,
    );
  }
}

/** Describes the constraint that the value violates; undefined when the value is valid. */
function findExpectation(parameter: TemplateParameter, value: string): string | undefined {
  // The SAM CLI cannot parse these in --parameter-overrides.
  if (/["\\\n]/.test(value)) return 'no quotation mark, backslash or line break';
  const { AllowedValues, ConstraintDescription } = parameter;
  if (AllowedValues !== undefined && !AllowedValues.includes(value)) return AllowedValues.join(' or ');
  if (parameter.Type === 'Number') return findNumberExpectation(parameter, value);
  const { AllowedPattern, MinLength = 0, MaxLength = Number.POSITIVE_INFINITY } = parameter;
  if (value.length < MinLength) return `at least ${MinLength} characters`;
  if (value.length > MaxLength) return `at most ${MaxLength} characters`;
  if (AllowedPattern !== undefined && !new RegExp(`^(?:${AllowedPattern})$`).test(value)) {
    return ConstraintDescription ?? `a match of ${AllowedPattern}`;
  }
  return undefined;
}

function findNumberExpectation({ MinValue, MaxValue }: TemplateParameter, value: string): string | undefined {
  if (!/^-?\d+(?:\.\d+)?$/.test(value)) return 'a number';
  if (MinValue !== undefined && Number(value) < MinValue) return `at least ${MinValue}`;
  if (MaxValue !== undefined && Number(value) > MaxValue) return `at most ${MaxValue}`;
  return undefined;
}
