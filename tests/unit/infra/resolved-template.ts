// Resolves the template with given parameters like CloudFormation.
import { readFileSync } from 'node:fs';
import { type CollectionTag, parse, type ScalarTag } from 'yaml';
import { chooseParameters } from '../../../tools/deploy/settings.ts';

type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };

export interface Resource {
  readonly Type: string;
  readonly Properties: Readonly<Record<string, unknown>>;
}

const path = 'infra/template.yaml';

/** Converts CloudFormation's short forms to its long forms. */
const tags = ['Ref', 'Condition', 'GetAtt', 'Sub', 'If', 'Equals', 'Not', 'And', 'Or'].flatMap((name) => {
  const key = name === 'Ref' || name === 'Condition' ? name : `Fn::${name}`;
  const scalar: ScalarTag = { tag: `!${name}`, resolve: (text) => ({ [key]: text }) };
  const toCollection = (collection: 'seq' | 'map'): CollectionTag => ({
    tag: `!${name}`,
    collection,
    resolve: (node) => ({ [key]: node.toJSON() }) as never,
  });
  return [scalar, toCollection('seq'), toCollection('map')];
});

const template = parse(readFileSync(path, 'utf8'), { customTags: tags }) as {
  readonly Conditions: Readonly<Record<string, Json>>;
  readonly Globals: { readonly Function: Readonly<Record<string, Json>> };
  readonly Parameters: Readonly<Record<string, { readonly Type: string }>>;
  readonly Resources: Readonly<
    Record<
      string,
      {
        Type: string;
        Condition?: string;
        Metadata?: { readonly DockerBuildArgs?: Readonly<Record<string, Json>> };
        Properties: Json;
      }
    >
  >;
  readonly Outputs: Readonly<Record<string, { Condition?: string; Value: Json }>>;
};

/** The parameters of a type that build arguments name by themselves, as `!Ref` does. */
export function findBuildArgumentsOfType(type: string): string[] {
  return Object.values(template.Resources)
    .flatMap(({ Metadata }) => Object.values(Metadata?.DockerBuildArgs ?? {}))
    .flatMap((value) =>
      typeof value === 'object' && value !== null && 'Ref' in value ? [String(value.Ref)] : [],
    )
    .filter((parameter) => template.Parameters[parameter]?.Type === type);
}

/**
 * Returns the resources and outputs of the template, with conditions evaluated and parameters inserted. Expressions that
 * only AWS can resolve, such as an ARN, are not changed.
 *
 * @throws the error of `npm run deploy` for invalid parameters
 */
export function resolveTemplate(parameters: Readonly<Record<string, string | number>> = {}) {
  const values = chooseParameters(
    'dev',
    Object.entries(parameters).map(([name, value]) => `${name}=${value}`),
  );
  const holds = (condition: string | undefined) =>
    condition === undefined || resolve({ Condition: condition }) === true;
  const resolve = (json: Json): unknown => {
    if (Array.isArray(json)) return json.map(resolve).filter((item) => item !== undefined);
    if (typeof json !== 'object' || json === null) return json;
    const [[name, operand] = ['', null], ...others] = Object.entries(json as Record<string, Json>);
    if (others.length === 0) {
      const list = () => (operand as readonly Json[]).map(resolve);
      switch (name) {
        case 'Ref':
          if (operand === 'AWS::NoValue') return undefined;
          return typeof operand === 'string' && Object.hasOwn(values, operand) ? values[operand] : json;
        case 'Condition':
          return typeof operand === 'string' ? resolve(template.Conditions[operand] ?? null) : json;
        case 'Fn::Equals': {
          const [one, other] = list();
          return String(one) === String(other);
        }
        case 'Fn::Not':
          return list()[0] !== true;
        case 'Fn::And':
          return list().every((value) => value === true);
        case 'Fn::Or':
          return list().includes(true);
        case 'Fn::If': {
          const [condition, yes, no] = operand as readonly [string, Json, Json];
          return resolve(holds(condition) ? yes : no);
        }
      }
    }
    const entries = Object.entries(json as Record<string, Json>).map(([key, value]) => [key, resolve(value)]);
    return Object.fromEntries(entries.filter(([, value]) => value !== undefined));
  };

  const resources: Record<string, Resource> = {};
  for (const [name, { Type, Condition, Properties }] of Object.entries(template.Resources)) {
    if (!holds(Condition)) continue;
    const own = resolve(Properties) as Record<string, unknown>;
    resources[name] = { Type, Properties: Type === 'AWS::Serverless::Function' ? withGlobals(own) : own };
  }
  const outputs = Object.entries(template.Outputs)
    .filter(([, { Condition }]) => holds(Condition))
    .map(([name, { Value }]) => [name, resolve(Value)] as const);
  return { resources, outputs: Object.fromEntries(outputs) };

  function withGlobals(own: Record<string, unknown>): Record<string, unknown> {
    const globals = resolve(template.Globals.Function) as Record<string, unknown>;
    const variables = (properties: Record<string, unknown>) =>
      (properties.Environment as { Variables: object } | undefined)?.Variables;
    return { ...globals, ...own, Environment: { Variables: { ...variables(globals), ...variables(own) } } };
  }
}
