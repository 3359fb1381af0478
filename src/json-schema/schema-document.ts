// The schema of a request: resolves its references, and rejects schemas that are too large or not JSON.
import { isJsonObject } from './json-object.ts';
import { pointerTo, UnsupportedSchemaError } from './unsupported-schema-error.ts';

/** A schema and its path in the document, a JSON pointer such as `#/properties/a`. */
export interface Place {
  readonly schema: unknown;
  readonly path: string;
}

/** The deepest nesting of lists and objects, because the compiler is recursive. A property has two levels. */
const mostLevels = 200;

/** The largest number of values in a schema, lists and objects included. */
const mostValues = 50_000;

/** The keywords that a reference may pass: those that contain a schema, and those that contain several. */
const schemaKeywords = new Set(['additionalProperties', 'items']);
const containerKeywords = new Set('$defs definitions properties allOf anyOf oneOf prefixItems'.split(' '));

export class SchemaDocument {
  readonly root: Place;

  /** @throws {UnsupportedSchemaError} when the schema is too large, too deep or not JSON */
  constructor(schema: unknown) {
    assertJson(schema);
    this.root = { schema, path: '#' };
  }

  /**
   * Finds the schema that a `$ref` at `path` names.
   *
   * @throws {UnsupportedSchemaError} when the reference names no schema in this document
   */
  resolve(reference: unknown, path: string): Place {
    if (typeof reference !== 'string') throw new UnsupportedSchemaError('$ref', path, 'must be a string');
    if (reference !== '#' && !reference.startsWith('#/'))
      throw new UnsupportedSchemaError('$ref', path, "must be '#' or start with '#/'");
    const tokens = toTokens(reference);
    let place: Place | undefined = this.root;
    for (let keyword = tokens.shift(); keyword !== undefined; keyword = tokens.shift()) {
      const isContainer = containerKeywords.has(keyword);
      place = isContainer || schemaKeywords.has(keyword) ? within(place, keyword) : undefined;
      if (isContainer) place = within(place, tokens.shift());
    }
    if (place === undefined)
      throw new UnsupportedSchemaError('$ref', path, 'names no schema in this document');
    return place;
  }
}

function within(place: Place | undefined, key: string | undefined): Place | undefined {
  const parent = place?.schema;
  if (place === undefined || key === undefined) return undefined;
  const isThere = Array.isArray(parent)
    ? /^\d+$/.test(key) && Number(key) < parent.length
    : isJsonObject(parent) && Object.hasOwn(parent, key);
  if (!isThere) return undefined;
  return { schema: (parent as Record<string, unknown>)[key], path: pointerTo(place.path, key) };
}

/** Splits a JSON pointer in a URI fragment. A malformed one resolves to nothing. */
function toTokens(reference: string): (string | undefined)[] {
  try {
    const steps = decodeURIComponent(reference).split('/').slice(1);
    return steps.map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'));
  } catch {
    return [''];
  }
}

/** Checks types and size. It is not recursive, because the schema may have any depth. */
function assertJson(schema: unknown): void {
  const open: { value: unknown; level: number }[] = [{ value: schema, level: 1 }];
  for (let count = 1, next = open.pop(); next !== undefined; count++, next = open.pop()) {
    const { value, level } = next;
    if (level > mostLevels) throw refusal(`is more than ${mostLevels} levels deep`);
    if (count > mostValues) throw refusal(`has more than ${mostValues} values`);
    if (typeof value === 'number' ? !Number.isFinite(value) : !jsonTypes.has(typeof value))
      throw refusal('is not JSON');
    if (typeof value !== 'object' || value === null) continue;
    for (const [key, inner] of Object.entries(value)) {
      if (!key.isWellFormed()) throw refusal('has a name with half a surrogate pair');
      open.push({ value: inner, level: level + 1 });
    }
  }
}

const jsonTypes: ReadonlySet<string> = new Set(['boolean', 'number', 'string', 'object']);

function refusal(reason: string): UnsupportedSchemaError {
  return new UnsupportedSchemaError('', '#', reason);
}
