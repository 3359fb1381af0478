// Keeps the fields of a request that its schema knows and that say something. Peers ignore the others, so clients send them.
import type * as z from 'zod/mini';
import { RequestError } from '../errors/request-error.ts';
import type { FieldPath, ForeignFields } from '../generation/foreign-fields.ts';
import { isJsonObject } from '../json-schema/json-object.ts';
import { toUnknownField } from './schema-errors.ts';

type Schema = z.core.$ZodType;
type Shape = z.core.$ZodShape;

const meaningfulWhenEmpty = new WeakSet<Schema>();

/** Marks an optional field whose neutral values, where its schema allows them, are not the same as none. */
export function keepEmpty<Type extends Schema>(schema: Type): Type {
  meaningfulWhenEmpty.add(schema);
  return schema;
}

/** Whether a value says nothing: null, an empty text, an empty list or an empty object. */
export function isNeutral(value: unknown): boolean {
  if (value === null || value === '') return true;
  if (Array.isArray(value)) return value.length === 0;
  return isJsonObject(value) && Object.keys(value).length === 0;
}

/**
 * Returns the value without the neutral values of optional fields, and without foreign fields, which it records.
 *
 * @throws {RequestError} `unknown_parameter` for a foreign field under the strict rule
 */
export function keepKnownFields(
  schema: Schema,
  value: unknown,
  foreign: ForeignFields,
  path: FieldPath = [],
): unknown {
  const { def } = (schema as z.core.$ZodTypes)._zod;
  switch (def.type) {
    case 'optional':
    case 'nullable':
    case 'default':
      return keepKnownFields(def.innerType, value, foreign, path);
    case 'object':
      return isJsonObject(value) ? keepFields(def.shape, value, foreign, path) : value;
    case 'array':
      return Array.isArray(value) ? keepItems(def.element, value, foreign, path) : value;
    case 'union': {
      const option = def.options.find((each) => mayMatch(each, value));
      return option === undefined ? value : keepKnownFields(option, value, foreign, path);
    }
    default:
      return value;
  }
}

function keepFields(
  shape: Shape,
  fields: Readonly<Record<string, unknown>>,
  foreign: ForeignFields,
  path: FieldPath,
): Record<string, unknown> {
  const kept: [string, unknown][] = [];
  for (const [key, value] of Object.entries(fields)) {
    const field = Object.hasOwn(shape, key) ? shape[key] : undefined;
    if (field !== undefined) {
      assertFew(field, value, [...path, key]);
      if (isAbsent(field, value)) continue;
      kept.push([key, keepKnownFields(field, withoutEmptyTexts(field, value), foreign, [...path, key])]);
    } else if (foreign.strict) throw toUnknownField([...path, key]);
    else if (!isNeutral(value)) foreign.ignore([...path, key]);
  }
  return Object.fromEntries(kept);
}

/** Each entry is checked by itself, which takes long for very many. Numbers of tokens take little. */
const mostEntries = 32_768;

/**
 * Counts the entries of a field before each of them is read.
 *
 * @throws {RequestError} `invalid_value` when there are more than the field may have
 */
function assertFew(field: Schema, value: unknown, path: FieldPath): void {
  if (typeof value !== 'object' || value === null) return;
  const isList = Array.isArray(value);
  const count = isList ? value.length : Object.keys(value).length;
  const isLong = count > mostEntries && !(isList && value.every((item) => typeof item === 'number'));
  const most = Math.min(
    isList ? mostItemsOf(unwrap(field)) : Number.POSITIVE_INFINITY,
    isLong ? mostEntries : count,
  );
  if (count <= most) return;
  const param = path.join('.');
  const kind = isList
    ? `a list of at most ${most}, not a list of ${count}`
    : `an object of at most ${most} fields, not of ${count}`;
  throw new RequestError('invalid_value', `'${param}' must be ${kind}.`, { param });
}

function mostItemsOf(schema: Schema): number {
  const checks = schema._zod.def.checks ?? [];
  const limits = checks.map(({ _zod: { def } }) =>
    'maximum' in def && typeof def.maximum === 'number' ? def.maximum : Number.POSITIVE_INFINITY,
  );
  return Math.min(...limits);
}

function keepItems(
  element: Schema,
  items: readonly unknown[],
  foreign: ForeignFields,
  path: FieldPath,
): readonly unknown[] {
  const kind = kindOf(element);
  // A list of texts or numbers has no fields, and may be long.
  if (kind !== 'object' && kind !== 'union') return items;
  return items.map((item, index) => keepKnownFields(element, item, foreign, [...path, index]));
}

/** Drops the empty items of an optional list that cannot have them: clients fill a list of stop strings with them. */
function withoutEmptyTexts(field: Schema, value: unknown): unknown {
  if (!Array.isArray(value) || !isOptional(field)) return value;
  const isEmpty = (item: unknown) => item === null || item === '';
  return value.some(isEmpty) && !accepts(field, value) ? value.filter((item) => !isEmpty(item)) : value;
}

/** Whether the value of a field counts as none. */
function isAbsent(field: Schema, value: unknown): boolean {
  if (!isNeutral(value)) return false;
  if (meaningfulWhenEmpty.has(field) && accepts(field, value)) return false;
  if (value === null) return isOptional(field) || !accepts(field, null);
  if (!isOptional(field)) return false;
  // Where any JSON may stand, an empty object does: it is a JSON Schema that allows everything.
  return !isJsonObject(value) || kindOf(unwrap(field)) === 'object' || !accepts(field, value);
}

function accepts(schema: Schema, value: unknown): boolean {
  return (schema as z.ZodMiniType).safeParse(value).success;
}

/** Whether an option of a union is the one for a value: by its kind, its required fields and the words that they must have. */
function mayMatch(option: Schema, value: unknown): boolean {
  const { def } = (unwrap(option) as z.core.$ZodTypes)._zod;
  if (def.type === 'union') return def.options.some((each) => mayMatch(each, value));
  if (def.type === 'array') return Array.isArray(value);
  if (def.type !== 'object' || !isJsonObject(value)) return false;
  return Object.entries(def.shape as Shape).every(([key, field]) => {
    if (value[key] === undefined) return isOptional(field);
    const words = wordsOf(unwrap(field));
    return words === undefined || words.includes(value[key]);
  });
}

/** The values of a field that allows only some. */
function wordsOf(schema: Schema): readonly unknown[] | undefined {
  const { def } = (schema as z.core.$ZodTypes)._zod;
  if (def.type === 'literal') return def.values;
  return def.type === 'enum' ? Object.values(def.entries) : undefined;
}

function isOptional(field: Schema): boolean {
  const kind = kindOf(field);
  return kind === 'optional' || kind === 'default';
}

function kindOf(schema: Schema): string {
  return schema._zod.def.type;
}

function unwrap(schema: Schema): Schema {
  const { def } = (schema as z.core.$ZodTypes)._zod;
  return def.type === 'optional' || def.type === 'nullable' || def.type === 'default'
    ? unwrap(def.innerType)
    : schema;
}
