// The checks of generated texts.

import { RequestError } from '../errors/request-error.ts';
import { matchesPattern } from '../json-schema/pattern-grammar.ts';
import { SchemaError } from '../json-schema/schema-error.ts';
import { TimeLimitError } from '../json-schema/time-limit.ts';
import { validateJson } from '../json-schema/validate-json.ts';

/**
 * @param param the field with the schema
 * @throws {RequestError} `invalid_output` when the text is not JSON that matches the schema, `unsupported_schema` when that takes
 *   too long to find out. Another text would take as long, so it must not be generated
 */
export function assertValid(schema: unknown, text: string, param: string): void {
  const result = check(`The schema in '${param}'`, param, () => validateJson(schema, text));
  if (!result.valid) failOutput(`it does not match the schema: ${result.reason}`);
}

/**
 * @param param the field with the pattern
 * @throws {RequestError} as {@link assertValid} does
 */
export function assertMatch(pattern: string, text: string, param: string): void {
  if (!check(`'${param}'`, param, () => matchesPattern(pattern, text)))
    failOutput(`it does not match '${param}'`);
}

function check<Result>(subject: string, param: string, work: () => Result): Result {
  try {
    return work();
  } catch (error) {
    if (error instanceof SchemaError)
      throw new RequestError('unsupported_schema', `${subject} cannot be used: ${error.message}`, { param });
    if (!(error instanceof TimeLimitError)) throw error;
    const message = `${subject} takes longer than ${error.limit} ms to check a text. Simplify its patterns.`;
    throw new RequestError('unsupported_schema', message, { param });
  }
}

/** @param reason continues a sentence about the text */
function failOutput(reason: string): never {
  throw new RequestError(
    'invalid_output',
    `The generated text is not valid: ${reason}. Try again, or simplify the constraint.`,
  );
}
