// Validates a text by a schema. It covers the cases that the grammar cannot enforce, such as `oneOf`.
import { type Schema, Validator } from '@cfworker/json-schema';
import { isJsonObject } from './json-object.ts';
import { quote } from './unsupported-schema-error.ts';

export type Validation =
  | { readonly valid: true; readonly value: unknown }
  | { readonly valid: false; readonly reason: string };

/** Keywords that only lead to the violated one. */
const leading = new Set('$ref allOf properties additionalProperties items prefixItems'.split(' '));

/**
 * Parses a text and validates it by a schema that a grammar can enforce.
 *
 * @returns the parsed value, or a one-line reason that quotes the schema, never the text
 */
export function validateJson(schema: unknown, text: string): Validation {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { valid: false, reason: 'it is not valid JSON' };
  }
  try {
    const { valid, errors } = new Validator(toValidatable(schema), '2020-12', true).validate(value);
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
    if (!(error instanceof RangeError)) throw error;
    return { valid: false, reason: 'it is nested too deeply to validate' };
  }
}

/** Copies the schema, because the validator modifies it. Removes `$id`, because it may not be a valid URI. */
function toValidatable(schema: unknown): Schema | boolean {
  const copy: unknown = structuredClone(schema);
  if (isJsonObject(copy)) Reflect.deleteProperty(copy, '$id');
  return copy as Schema | boolean;
}
