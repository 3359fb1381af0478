// JSON output: the grammar that constrains its generation, and the validation of the generated text.

import { RequestError } from '../errors/request-error.ts';
import { schemaToGbnf } from '../json-schema/json-schema-grammar.ts';
import { UnsupportedSchemaError } from '../json-schema/unsupported-schema-error.ts';
import { validateJson } from '../json-schema/validate-json.ts';

/** The grammar of a schema, and the validation by it. */
export interface JsonOutput {
  readonly gbnf: string;
  /** @throws {RequestError} `invalid_output` when the text is not JSON that matches the schema */
  assertValid(text: string): void;
}

/**
 * Prepares the generation of JSON that matches a schema.
 *
 * @param param the field of the request with the schema
 * @throws {RequestError} `unsupported_schema` with the keyword that no grammar can express
 */
export function toJsonOutput(schema: unknown, param: string): JsonOutput {
  return {
    gbnf: buildGrammarFor(param, () => schemaToGbnf(schema)),
    assertValid: (text) => assertValid(schema, text),
  };
}

/**
 * Builds a grammar for a field of the request.
 *
 * @throws {RequestError} `unsupported_schema` for an {@link UnsupportedSchemaError}
 */
export function buildGrammarFor<Result>(param: string, build: () => Result): Result {
  try {
    return build();
  } catch (error) {
    if (!(error instanceof UnsupportedSchemaError)) throw error;
    throw new RequestError(
      'unsupported_schema',
      `The schema in '${param}' is not supported: ${error.message}`,
      { param },
    );
  }
}

/** @throws {RequestError} `invalid_output` when the text is not JSON that matches the schema */
export function assertValid(schema: unknown, text: string): void {
  const result = validateJson(schema, text);
  if (result.valid) return;
  throw new RequestError(
    'invalid_output',
    `The generated text does not match the schema: ${result.reason}. Try again, or simplify the schema.`,
  );
}
