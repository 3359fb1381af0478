// JSON output: the grammar that constrains its generation, and the validation of the generated text.

import { RequestError } from '../errors/request-error.ts';
import { SchemaError } from '../json-schema/schema-error.ts';
import { validateJson } from '../json-schema/validate-json.ts';

/**
 * Builds a grammar for a field of the request.
 *
 * @throws {RequestError} `unsupported_schema` when a schema is malformed, or no value matches it
 */
export function buildGrammarFor<Result>(param: string, build: () => Result): Result {
  try {
    return build();
  } catch (error) {
    if (!(error instanceof SchemaError)) throw error;
    throw new RequestError(
      'unsupported_schema',
      `The schema in '${param}' cannot be used: ${error.message}`,
      { param },
    );
  }
}

/** @throws {RequestError} `invalid_output` when the text is not JSON that matches the schema */
export function assertValid(schema: unknown, text: string): void {
  const result = validateJson(schema, text);
  if (!result.valid) assertOutput(false, `it does not match the schema: ${result.reason}`);
}

/**
 * @param reason continues a sentence about the text
 * @throws {RequestError} `invalid_output` when the text is not valid
 */
export function assertOutput(isValid: boolean, reason: string): void {
  if (isValid) return;
  throw new RequestError(
    'invalid_output',
    `The generated text is not valid: ${reason}. Try again, or simplify the constraint.`,
  );
}
