// The validation of generated texts.

import { RequestError } from '../errors/request-error.ts';
import { validateJson } from '../json-schema/validate-json.ts';

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
