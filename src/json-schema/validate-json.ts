// Validates a text by a schema. It covers what a grammar cannot express, such as `oneOf`.
import { type Schema, Validator } from '@cfworker/json-schema';
import { toCanonicalSchema } from './canonical-schema.ts';
import { quote, SchemaError } from './schema-error.ts';
import { withinTime } from './time-limit.ts';

export type Validation =
  | { readonly valid: true; readonly value: unknown }
  | { readonly valid: false; readonly reason: string };

/** Keywords that only lead to the violated one. */
const leading = new Set('$ref allOf properties additionalProperties items prefixItems'.split(' '));

/** The longest time for a validation, in milliseconds of the processor. Patterns may take exponential time. */
const longestTime = 250;

/**
 * Parses a text and validates it by a schema.
 *
 * @returns the parsed value, or a one-line reason that quotes the schema, never the text
 * @throws {SchemaError} when the schema is malformed, or has a pattern that is too large to match a text with
 * @throws {TimeLimitError} when the validation takes too long
 */
export function validateJson(schema: unknown, text: string): Validation {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { valid: false, reason: 'it is not valid JSON' };
  }
  // The validator modifies the schema.
  const canonical = toCanonicalSchema(schema) as Schema | boolean;
  try {
    const { valid, errors } = withinTime(longestTime, () =>
      new Validator(canonical, '2020-12', true).validate(value),
    );
    if (valid) return { valid, value };
    // Skips 'false', because its location may contain the name of a property of the text.
    const fault =
      errors.find(({ keyword }) => !leading.has(keyword) && keyword !== 'false') ??
      errors.at(-2) ??
      errors[0];
    return {
      valid: false,
      reason: `it violates '${quote(fault?.keywordLocation ?? '#')}'`,
    };
  } catch (error) {
    // V8 compiles a pattern, and may find it too large, when it is first matched.
    if (error instanceof SyntaxError) throw new SchemaError('', '#', 'has too large a pattern');
    if (!(error instanceof RangeError)) throw error;
    return { valid: false, reason: 'it is nested too deeply to validate' };
  }
}
