// Parses the fields of a request, or throws an error that names the first invalid one.
import type * as z from 'zod/mini';
import { RequestError } from '../errors/request-error.ts';
import { ForeignFields } from '../generation/foreign-fields.ts';
import { isJsonObject } from '../json-schema/json-object.ts';
import { isNeutral, keepKnownFields } from './known-fields.ts';
import { isDeeperThan, mostLevels } from './nesting.ts';
import { toFieldError } from './schema-errors.ts';

/** Fields of other servers, with the reason why this one has them not, or an alternative. */
export type UnsupportedFields = Readonly<Record<string, string>>;

/**
 * Parses a request's JSON by its schema. Neutral values count as absent at any depth, and foreign fields are ignored.
 *
 * @param unsupported the foreign fields whose error explains more under the strict rule
 * @throws {RequestError} with the name of the field that is missing or invalid, or foreign under the strict rule
 */
export function parseFields<Shape extends z.core.$ZodShape>(
  schema: z.ZodMiniObject<Shape, z.core.$strict>,
  unsupported: UnsupportedFields,
  body: unknown,
  foreign: ForeignFields = new ForeignFields(),
): z.output<z.ZodMiniObject<Shape, z.core.$strict>> {
  if (!isJsonObject(body)) throw new RequestError('invalid_value', 'The request must be a JSON object.');
  const isUnsupported = (field: string) => Object.hasOwn(unsupported, field);
  const given = Object.entries(body).filter(([field, value]) => !isUnsupported(field) || !isNeutral(value));
  const refused = given.find(([field]) => isUnsupported(field))?.[0];
  if (foreign.strict && refused !== undefined) throw toUnsupported(refused, unsupported[refused]);
  const fields = keepKnownFields(schema, Object.fromEntries(given), foreign) as Record<string, unknown>;
  if (isDeeperThan(fields, mostLevels)) {
    throw new RequestError(
      'invalid_value',
      `The request is nested too deeply: it may have ${mostLevels} levels of lists and objects. Reduce its depth.`,
    );
  }
  const parsed = safeParse(schema, fields);
  if (!parsed.success) throw toFieldError(parsed.error, fields);
  return parsed.data;
}

/** The error for a field that is not supported. */
function toUnsupported(field: string, reason = ''): RequestError {
  const because = reason === '' ? '' : `: ${reason}`;
  return new RequestError('unsupported_parameter', `'${field}' is not supported${because}.`, {
    param: field,
  });
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

/** The most parts of all messages together. More fit no context. */
const mostParts = 8192;

/**
 * Counts the parts and calls of all messages before each of them is read.
 *
 * @throws {RequestError} `invalid_value` when there are very many
 */
export function assertFewParts(body: unknown, field: string): void {
  const list = isJsonObject(body) ? body[field] : undefined;
  const messages: readonly unknown[] = Array.isArray(list) ? list : [];
  const parts = messages.flatMap((message) =>
    isJsonObject(message)
      ? Object.values(message).map((value) => (Array.isArray(value) ? value.length : 0))
      : [],
  );
  const count = parts.reduce((sum, each) => sum + each, 0);
  assertTogether(count <= mostParts, field, `'${field}' must have at most ${mostParts} parts, not ${count}.`);
}

/**
 * Counts the items of a list before each of them is read, which would take long for very many.
 *
 * @throws {RequestError} `invalid_value` when there are more than `most`
 */
export function assertFewItems(body: unknown, field: string, most: number): void {
  const list = isJsonObject(body) ? body[field] : undefined;
  const count = Array.isArray(list) ? list.length : 0;
  assertTogether(
    count <= most,
    field,
    `'${field}' must be a list of at most ${most}, not a list of ${count}.`,
  );
}
