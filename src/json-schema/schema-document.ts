// A schema as it was sent: finds what its references name, and keeps out what nothing else is prepared for.
import { isJsonObject } from './json-object.ts';
import { pointerTo, UnsupportedSchemaError } from './unsupported-schema-error.ts';

/** A schema within a schema, and where it is: a JSON pointer such as `#/properties/a`. */
export interface Place {
  readonly schema: unknown;
  readonly path: string;
}

/** Levels of lists and objects, two for one level of properties: all that reads a schema does it by recursion. */
const mostLevels = 200;

/** Lists, objects and what is in them. */
const mostValues = 50_000;

/** Where a reference may lead through: keywords that hold a schema, and keywords that hold several. */
const schemaKeywords = new Set(['additionalProperties', 'items']);
const containerKeywords = new Set('$defs definitions properties allOf anyOf oneOf prefixItems'.split(' '));

export class SchemaDocument {
  readonly root: Place;

  /** @throws {UnsupportedSchemaError} when it is too large, too deep, or not JSON */
  constructor(schema: unknown) {
    assertJson(schema);
    this.root = { schema, path: '#' };
  }

  /**
   * Finds the schema that a `$ref` at `path` names.
   *
   * @throws {UnsupportedSchemaError} when it is not in this document
   */
  resolve(reference: unknown, path: string): Place {
    if (typeof reference !== 'string') throw new UnsupportedSchemaError('$ref', path, 'must be a text');
    if (reference !== '#' && !reference.startsWith('#/'))
      throw new UnsupportedSchemaError('$ref', path, "is not supported: it must be '#' or begin with '#/'");
    const tokens = toTokens(reference);
    let place: Place | undefined = this.root;
    for (let keyword = tokens.shift(); keyword !== undefined; keyword = tokens.shift()) {
      const isContainer = containerKeywords.has(keyword);
      place = isContainer || schemaKeywords.has(keyword) ? within(place, keyword) : undefined;
      if (isContainer) place = within(place, tokens.shift());
    }
    if (place === undefined) throw new UnsupportedSchemaError('$ref', path, 'names no schema in this one');
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

/** The steps of a JSON pointer in a URI's fragment; one that is malformed leads nowhere. */
function toTokens(reference: string): (string | undefined)[] {
  try {
    const steps = decodeURIComponent(reference).split('/').slice(1);
    return steps.map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'));
  } catch {
    return [''];
  }
}

/** Without recursion: what it looks at may be of any depth. */
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
