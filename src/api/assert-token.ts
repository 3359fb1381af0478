// Validates token numbers against the loaded model.
import type { Token } from '../engine/engine.ts';
import { RequestError } from '../errors/request-error.ts';

/** @throws {RequestError} `invalid_value` when the token is not in the vocabulary */
export function assertToken(token: Token, vocabularySize: number, param: string): void {
  if (token >= 0 && token < vocabularySize) return;
  throw new RequestError(
    'invalid_value',
    `'${param}' must be a token of this model, lower than ${vocabularySize}, not ${token}.`,
    { param },
  );
}
