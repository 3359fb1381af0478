// The fields that constrain the generated text: those of OpenAI, of llama-server and of vLLM.
import * as z from 'zod/mini';
import { RequestError } from '../errors/request-error.ts';
import { compileGrammar } from './grammar/compile-grammar.ts';
import { assertMatch, assertValid } from './json-output.ts';
import { assertTogether } from './request-body.ts';

const name = z.optional(z.nullable(z.string()));
const schema = z.record(z.string(), z.unknown());
const jsonSchema = z.union([z.boolean(), schema]);
const jsonSchemaOrText = z.union([z.boolean(), schema, z.string()]);
const choices = z.array(z.string()).check(z.minLength(1), z.maxLength(1024));
const text = z.string().check(z.minLength(1));

export const constraintFields = {
  response_format: z
    .optional(
      z.discriminatedUnion('type', [
        z.strictObject({ type: z.literal('text') }),
        z.strictObject({ type: z.literal('json_object'), schema: z.optional(z.nullable(jsonSchema)) }),
        z.strictObject({
          type: z.literal('json_schema'),
          json_schema: z.strictObject({
            name,
            description: name,
            schema: z.optional(z.nullable(jsonSchema)),
            strict: z.optional(z.nullable(z.boolean())),
          }),
        }),
      ]),
    )
    .check(z.describe('The format of the text. JSON always matches its schema, with or without strict.')),
  json_schema: z
    .optional(jsonSchema)
    .check(z.describe('The JSON Schema that the generated JSON must match.')),
  grammar: z.optional(text).check(z.describe("A grammar that the text must match, in llama.cpp's GBNF.")),
  guided_json: z
    .optional(jsonSchemaOrText)
    .check(z.describe("vLLM's name of json_schema. The schema may be a text.")),
  guided_regex: z
    .optional(text)
    .check(z.describe('A regular expression of JavaScript that the whole text must match.')),
  guided_choice: z.optional(choices).check(z.describe('The texts of which one must be generated.')),
  guided_grammar: z.optional(text).check(z.describe("vLLM's name of grammar.")),
  structured_outputs: z
    .optional(
      z.strictObject({
        json: z.optional(z.nullable(jsonSchemaOrText)),
        regex: z.optional(z.nullable(text)),
        choice: z.optional(z.nullable(choices)),
        grammar: z.optional(z.nullable(text)),
        json_object: z.optional(z.nullable(z.boolean())),
      }),
    )
    .check(z.describe("vLLM's newer form of the guided fields: one of json, regex, choice and grammar.")),
};

/** The parsed {@link constraintFields}. */
export type ConstraintFields = z.output<ReturnType<typeof constraintObject>>;

function constraintObject() {
  return z.strictObject(constraintFields);
}

/** What the text must match. `param` is the field of the request. */
export type TextConstraint =
  | { readonly kind: 'none' }
  /** JSON that matches a schema. */
  | { readonly kind: 'json'; readonly schema: unknown; readonly param: string }
  | PlainConstraint;

/** What the whole text must match, from its first token on. */
type PlainConstraint = { readonly param: string } & (
  | { readonly kind: 'grammar'; readonly gbnf: string }
  | { readonly kind: 'pattern'; readonly source: string }
  | { readonly kind: 'texts'; readonly texts: readonly string[] }
);

/**
 * Reads the constraint of a request.
 *
 * @throws {RequestError} `invalid_value` when there is more than one, or when one is malformed
 */
export function toTextConstraint(fields: ConstraintFields): TextConstraint {
  const found = readConstraints(fields);
  const [first, second] = found;
  assertTogether(
    second === undefined,
    second?.param ?? '',
    `'${second?.param}' and '${first?.param}' cannot be used together. Both constrain the text.`,
  );
  return first ?? { kind: 'none' };
}

/** How a text that is not a chat's is constrained and checked. */
export interface TextOutput {
  readonly gbnf: string | undefined;
  /** @throws {RequestError} `invalid_output` when a text that the model ended by itself is not valid */
  readonly assertValid: ((text: string) => void) | undefined;
}

/** @throws {RequestError} when the grammar of a constraint cannot be compiled, or exceeds a limit */
export async function toTextOutput(constraint: TextConstraint): Promise<TextOutput> {
  switch (constraint.kind) {
    case 'none':
      return { gbnf: undefined, assertValid: undefined };
    case 'grammar':
      return { gbnf: constraint.gbnf, assertValid: undefined };
    case 'texts':
      return { gbnf: (await compileGrammar(constraint))?.gbnf, assertValid: undefined };
    case 'pattern': {
      const { source, param } = constraint;
      const gbnf = (await compileGrammar(constraint))?.gbnf;
      return {
        gbnf,
        assertValid: (text) => assertMatch(source, text, param),
      };
    }
    case 'json': {
      const { schema, param } = constraint;
      const gbnf = (await compileGrammar({ kind: 'schema', schema, param }))?.gbnf;
      return { gbnf, assertValid: (text) => assertValid(schema, text, param) };
    }
    default:
      throw constraint satisfies never;
  }
}

type Constraint = Exclude<TextConstraint, { kind: 'none' }>;

function readConstraints(fields: ConstraintFields): Constraint[] {
  const { response_format: format, structured_outputs: structured } = fields;
  const json = (schema: unknown, param: string): Constraint[] =>
    schema === undefined || schema === null
      ? []
      : [{ kind: 'json', schema: parseText(schema, param), param }];
  const read = <Value>(
    value: Value | null | undefined,
    param: string,
    to: (value: Value, param: string) => Constraint,
  ) => (value === undefined || value === null ? [] : [to(value, param)]);
  return [
    ...(format === undefined || format.type === 'text' ? [] : json(toSchema(format), 'response_format')),
    ...json(fields.json_schema, 'json_schema'),
    ...read(fields.grammar, 'grammar', toGrammar),
    ...json(fields.guided_json, 'guided_json'),
    ...read(fields.guided_regex, 'guided_regex', toRegex),
    ...read(fields.guided_choice, 'guided_choice', toChoice),
    ...read(fields.guided_grammar, 'guided_grammar', toGrammar),
    ...json(structured?.json, 'structured_outputs.json'),
    ...(structured?.json_object === true ? json({ type: 'object' }, 'structured_outputs.json_object') : []),
    ...read(structured?.regex, 'structured_outputs.regex', toRegex),
    ...read(structured?.choice, 'structured_outputs.choice', toChoice),
    ...read(structured?.grammar, 'structured_outputs.grammar', toGrammar),
  ];
}

type ResponseFormat = NonNullable<ConstraintFields['response_format']>;

/** Without a schema, any object is allowed. */
function toSchema(format: Exclude<ResponseFormat, { type: 'text' }>): unknown {
  return (format.type === 'json_object' ? format.schema : format.json_schema.schema) ?? { type: 'object' };
}

function parseText(schema: unknown, param: string): unknown {
  if (typeof schema !== 'string') return schema;
  try {
    return JSON.parse(schema);
  } catch {
    throw new RequestError('invalid_value', `'${param}' must be a JSON Schema, or its text.`, { param });
  }
}

function toGrammar(gbnf: string, param: string): Constraint {
  return { kind: 'grammar', gbnf, param };
}

function toChoice(texts: readonly string[], param: string): Constraint {
  return { kind: 'texts', texts, param };
}

function toRegex(source: string, param: string): Constraint {
  return { kind: 'pattern', source, param };
}
