// The schema of a request as it was sent: checks its size, and finds the schemas that its references name.
import { isJsonObject } from './json-object.ts';
import { pointerTo, SchemaError } from './schema-error.ts';

/** A schema, its path in the document, and the part of the document that its references start from. */
export interface Source {
  readonly schema: unknown;
  /** A JSON pointer such as `#/properties/a`. */
  readonly path: string;
  readonly resource: Resource;
}

/** A schema with an identifier of its own, or the whole document. */
interface Resource {
  readonly uri: string;
  readonly schema: unknown;
  readonly path: string;
}

/** The deepest nesting of lists and objects, because the compiler is recursive. A property has two levels. */
const mostLevels = 200;

/** The largest number of values in a schema, lists and objects included. */
export const mostValues = 50_000;

/** The base of relative identifiers. Nothing is ever fetched. */
const baseUri = 'http://schema.invalid/';

/** Keywords with values that are no schemas. */
const plainKeywords = new Set(['enum', 'const', 'default', 'example', 'examples']);

export class SchemaSource {
  readonly root: Source;
  #targets: Map<string, Source> | undefined;
  readonly #dynamicAnchors = new Set<string>();
  readonly #ambiguousAnchors = new Set<string>();

  /** @throws {SchemaError} when the schema is too large, too deep or not JSON */
  constructor(schema: unknown) {
    assertJson(schema);
    this.root = within({ schema, path: '#', resource: { uri: baseUri, schema, path: '#' } });
  }

  /** Returns the schema in a keyword of another schema, or in an entry of that keyword. */
  inside(parent: Source, schema: unknown, ...tokens: readonly (string | number)[]): Source {
    return within({ schema, path: pointerTo(parent.path, ...tokens), resource: parent.resource });
  }

  /**
   * Finds the schema that a reference names: by a JSON pointer, an anchor or an identifier.
   *
   * @throws {SchemaError} when the reference names no schema in this document
   */
  resolve(reference: string, from: Source): Source {
    const found =
      follow(reference, from.resource) ?? follow(reference, this.#document) ?? this.#find(reference, from);
    if (found !== undefined) return found;
    throw new SchemaError(
      '$ref',
      from.path,
      'names no schema in this document. References to others are not followed',
    );
  }

  /** Whether a dynamic reference names several schemas, so that it depends on the way to it. */
  isAmbiguous(reference: unknown): boolean {
    if (typeof reference !== 'string') return false;
    this.#targets ??= this.#readTargets();
    return this.#ambiguousAnchors.has(reference.replace(/^[^#]*/, ''));
  }

  get #document(): Resource {
    return { uri: baseUri, schema: this.root.schema, path: '#' };
  }

  #find(reference: string, { resource }: Source): Source | undefined {
    if (!URL.canParse(reference, resource.uri)) return undefined;
    const url = new URL(reference, resource.uri);
    this.#targets ??= this.#readTargets();
    const exact = this.#targets.get(url.href.replace(/#$/, ''));
    if (exact !== undefined) return exact;
    const { hash } = url;
    url.hash = '';
    const target = this.#targets.get(url.href);
    return target && follow(hash, target);
  }

  /** Maps the identifiers and anchors of all schemas to them. Not recursive, because of the depth. */
  #readTargets(): Map<string, Source> {
    const targets = new Map<string, Source>();
    const open: Source[] = [this.root];
    for (let next = open.pop(); next !== undefined; next = open.pop()) {
      const { schema, resource, path } = next;
      if (typeof schema !== 'object' || schema === null) continue;
      if (resource.path === path && !targets.has(resource.uri)) targets.set(resource.uri, next);
      if (isJsonObject(schema)) {
        const { $anchor, $dynamicAnchor, $id, id } = schema;
        const dynamic = `#${String($dynamicAnchor)}`;
        if ($dynamicAnchor !== undefined)
          (this.#dynamicAnchors.has(dynamic) ? this.#ambiguousAnchors : this.#dynamicAnchors).add(dynamic);
        const anchors = [$anchor, $dynamicAnchor].map((name) => `#${String(name)}`);
        for (const anchor of [...anchors, $id, id])
          if (typeof anchor === 'string' && anchor.startsWith('#'))
            targets.set(new URL(anchor, resource.uri).href, next);
      }
      for (const [key, inner] of Object.entries(schema))
        if (!plainKeywords.has(key) && typeof inner === 'object') open.push(this.inside(next, inner, key));
    }
    return targets;
  }
}

/** Starts a new resource at a schema with an identifier. */
function within(source: Source): Source {
  if (!isJsonObject(source.schema)) return source;
  const { $id = source.schema.id } = source.schema;
  const { uri } = source.resource;
  if (typeof $id !== 'string' || $id.startsWith('#') || !URL.canParse($id, uri)) return source;
  const url = new URL($id, uri);
  url.hash = '';
  return { ...source, resource: { uri: url.href, schema: source.schema, path: source.path } };
}

/** Follows a JSON pointer in a URI fragment: `#` or `#/…`. */
function follow(reference: string, from: Resource | Source): Source | undefined {
  if (reference !== '' && reference !== '#' && !reference.startsWith('#/')) return undefined;
  const resource = 'resource' in from ? from.resource : from;
  let source = within({ schema: from.schema, path: from.path, resource });
  for (const token of toTokens(reference)) {
    const parent = source.schema;
    const isThere = Array.isArray(parent)
      ? /^\d+$/.test(token) && Number(token) < parent.length
      : isJsonObject(parent) && Object.hasOwn(parent, token);
    if (!isThere) return undefined;
    const schema = (parent as Record<string, unknown>)[token];
    source = within({ schema, path: pointerTo(source.path, token), resource: source.resource });
  }
  return source;
}

function toTokens(reference: string): string[] {
  const steps = decode(reference).split('/').slice(1);
  return steps.map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'));
}

/** Decodes a URI fragment. Leaves a malformed encoding unchanged. */
function decode(fragment: string): string {
  try {
    return decodeURIComponent(fragment);
  } catch {
    return fragment;
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

function refusal(reason: string): SchemaError {
  return new SchemaError('', '#', reason);
}
