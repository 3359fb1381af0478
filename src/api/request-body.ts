// From the JSON of a request to its parsed fields, or to the error that names the first wrong one.
import type * as z from 'zod/mini';
import { RequestError } from '../errors/request-error.ts';
import { isJsonObject } from '../json-schema/json-object.ts';
import { toFieldError } from './schema-errors.ts';

/**
 * Parses a request's JSON by its schema. As in OpenAI's API, a known field that is `null` counts as absent.
 *
 * @param unsupported fields that other servers have and this one has not, with the reason or what to do instead
 * @throws {RequestError} naming the field that is missing, wrong, unknown or not supported
 */
export function parseFields<Shape extends z.core.$ZodShape>(
  schema: z.ZodMiniObject<Shape, z.core.$strict>,
  unsupported: Readonly<Record<string, string>>,
  body: unknown,
): z.output<z.ZodMiniObject<Shape, z.core.$strict>> {
  if (!isJsonObject(body)) throw new RequestError('invalid_value', 'The request must be a JSON object.');
  const isKnown = (field: string) => Object.hasOwn(unsupported, field) || Object.hasOwn(schema.shape, field);
  const given = Object.fromEntries(
    Object.entries(body).filter(([field, value]) => value !== null || !isKnown(field)),
  );
  const refused = Object.keys(given).find((field) => Object.hasOwn(unsupported, field));
  if (refused !== undefined) {
    const why = unsupported[refused] === '' ? '' : `: ${unsupported[refused]}`;
    throw new RequestError('unsupported_parameter', `'${refused}' is not supported${why}.`, {
      param: refused,
    });
  }
  const parsed = safeParse(schema, given);
  if (!parsed.success) throw toFieldError(parsed.error, given);
  return parsed.data;
}

/** Zod passes the faults it finds as arguments, of which there may be too many for a stack. */
function safeParse<Shape extends z.core.$ZodShape>(
  schema: z.ZodMiniObject<Shape, z.core.$strict>,
  given: Readonly<Record<string, unknown>>,
) {
  try {
    return schema.safeParse(given);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new RequestError('invalid_value', 'The request is wrong in too many places to be read.');
  }
}

/** @throws {RequestError} when one field is given that makes sense only with another */
export function assertTogether(isRight: boolean, param: string, message: string): void {
  if (!isRight) throw new RequestError('invalid_value', message, { param });
}
