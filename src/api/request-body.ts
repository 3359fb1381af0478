// Parses the fields of a request, or throws an error that names the first invalid one.
import type * as z from 'zod/mini';
import { RequestError } from '../errors/request-error.ts';
import { isJsonObject } from '../json-schema/json-object.ts';
import { toFieldError } from './schema-errors.ts';

/**
 * Parses a request's JSON by its schema. As in OpenAI's API, a known field that is `null` counts as absent.
 *
 * @param unsupported fields of other servers that this one rejects, with the reason or an alternative
 * @throws {RequestError} with the name of the field that is missing, invalid, unknown or not supported
 */
export function parseFields<Shape extends z.core.$ZodShape>(
  schema: z.ZodMiniObject<Shape, z.core.$strict>,
  unsupported: Readonly<Record<string, string>>,
  body: unknown,
): z.output<z.ZodMiniObject<Shape, z.core.$strict>> {
  if (!isJsonObject(body)) throw new RequestError('invalid_value', 'The request must be a JSON object.');
  const isKnown = (field: string) => Object.hasOwn(unsupported, field) || Object.hasOwn(schema.shape, field);
  const fields = Object.fromEntries(
    Object.entries(body).filter(([field, value]) => value !== null || !isKnown(field)),
  );
  const refused = Object.keys(fields).find((field) => Object.hasOwn(unsupported, field));
  if (refused !== undefined) {
    const reason = unsupported[refused] === '' ? '' : `: ${unsupported[refused]}`;
    throw new RequestError('unsupported_parameter', `'${refused}' is not supported${reason}.`, {
      param: refused,
    });
  }
  const parsed = safeParse(schema, fields);
  if (!parsed.success) throw toFieldError(parsed.error, fields);
  return parsed.data;
}

/** Zod passes its issues as arguments, and too many of them overflow the stack. */
function safeParse<Shape extends z.core.$ZodShape>(
  schema: z.ZodMiniObject<Shape, z.core.$strict>,
  fields: Readonly<Record<string, unknown>>,
) {
  try {
    return schema.safeParse(fields);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new RequestError('invalid_value', 'The request has too many invalid fields.');
  }
}

/** @throws {RequestError} `invalid_value` when the values of two fields do not go together */
export function assertTogether(isValid: boolean, param: string, message: string): void {
  if (!isValid) throw new RequestError('invalid_value', message, { param });
}
