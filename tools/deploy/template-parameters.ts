// The parameters that the template declares, and whether values suit them, before anything is built or sent.
import { parse } from 'yaml';
import { z } from 'zod';
import { DeployError } from './errors.ts';

/** CloudFormation writes all values as texts. */
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

/** What a template declares, by name. */
export type TemplateParameters = ReadonlyMap<string, TemplateParameter>;

/** Values of parameters, by name. */
export type ParameterValues = Readonly<Record<string, string>>;

/** Reads the `Parameters` of a template in YAML. CloudFormation's own tags elsewhere in it mean nothing here. */
export function readTemplateParameters(template: string): TemplateParameters {
  const { Parameters } = z
    .object({ Parameters: z.record(z.string(), parameterSchema).default({}) })
    .parse(parse(template, { logLevel: 'error' }));
  return new Map(Object.entries(Parameters));
}

/** The values that a template gives itself. */
export function defaultValues(declared: TemplateParameters): ParameterValues {
  return Object.fromEntries(
    [...declared].flatMap(([name, { Default }]) => (Default === undefined ? [] : [[name, Default]])),
  );
}

/**
 * Checks names and values as CloudFormation will. `origin` says where they were given.
 *
 * @throws {DeployError} `unknown-parameter` or `unusable-parameter`, for the first that does not suit
 */
export function checkValues(declared: TemplateParameters, values: ParameterValues, origin: string): void {
  for (const [name, value] of Object.entries(values)) {
    const parameter = declared.get(name);
    if (parameter === undefined) {
      const known = [...declared.keys()].join(', ');
      throw new DeployError(
        'unknown-parameter',
        `${origin}: there is no parameter ${name}. There is: ${known}.`,
      );
    }
    const expected = findFault(parameter, value);
    if (expected === undefined) continue;
    throw new DeployError(
      'unusable-parameter',
      `${origin}: ${name}=${JSON.stringify(value)} cannot be used: expected ${expected}.`,
    );
  }
}

/** What was expected instead of a value that does not suit. */
function findFault(parameter: TemplateParameter, value: string): string | undefined {
  // Neither could be handed to the SAM CLI.
  if (/["\\\n]/.test(value)) return 'no quotation mark, backslash or line break';
  const { AllowedValues, ConstraintDescription } = parameter;
  if (AllowedValues !== undefined && !AllowedValues.includes(value)) return AllowedValues.join(' or ');
  if (parameter.Type === 'Number') return findNumberFault(parameter, value);
  const { AllowedPattern, MinLength = 0, MaxLength = Number.POSITIVE_INFINITY } = parameter;
  if (value.length < MinLength) return `at least ${MinLength} characters`;
  if (value.length > MaxLength) return `at most ${MaxLength} characters`;
  if (AllowedPattern !== undefined && !new RegExp(`^(?:${AllowedPattern})$`).test(value)) {
    return ConstraintDescription ?? `what matches ${AllowedPattern}`;
  }
  return undefined;
}

function findNumberFault({ MinValue, MaxValue }: TemplateParameter, value: string): string | undefined {
  if (!/^-?\d+(?:\.\d+)?$/.test(value)) return 'a number';
  if (MinValue !== undefined && Number(value) < MinValue) return `at least ${MinValue}`;
  if (MaxValue !== undefined && Number(value) > MaxValue) return `at most ${MaxValue}`;
  return undefined;
}
