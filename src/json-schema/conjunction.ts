// Resolves `$ref` and `allOf`: merges schemas that must all hold to their keywords and their alternatives.

import type { Part } from './assertions.ts';
import { isJsonObject } from './json-object.ts';
import type { Place, SchemaDocument } from './schema-document.ts';
import { pointerTo, UnsupportedSchemaError } from './unsupported-schema-error.ts';

/** Schemas of which one must hold. */
type Alternatives = readonly Place[];

/** Schemas that must all hold, by their paths. */
export interface Conjunction {
  readonly parts: ReadonlyMap<string, Part>;
  readonly alternatives: ReadonlyMap<string, Alternatives>;
}

/** The deepest chain of references and nested `allOf`. */
const mostLevels = 200;

/** Keywords that do not constrain values. `discriminator` and `example` are OpenAPI's. */
const annotations = new Set(
  (
    '$schema $comment $defs definitions title description default examples example deprecated readOnly writeOnly ' +
    'discriminator'
  ).split(' '),
);

/** Keywords that apply other schemas to the same value. */
const applicators = new Set(['$ref', 'allOf', 'anyOf', 'oneOf']);

/**
 * Resolves references and `allOf`.
 *
 * @param supported the other keywords that a schema may have
 * @throws {UnsupportedSchemaError} for any other keyword, and for a schema that no value matches
 */
export function toConjunction(
  places: readonly Place[],
  document: SchemaDocument,
  supported: ReadonlySet<string>,
): Conjunction {
  const parts = new Map<string, Part>();
  const alternatives = new Map<string, Alternatives>();
  const done = new Set<string>();
  const open = new Set<string>();

  const visit = ({ schema, path }: Place, referrer: string): void => {
    if (open.has(path)) throw new UnsupportedSchemaError('$ref', referrer, 'refers to itself');
    if (schema === true || done.has(path)) return;
    if (schema === false) throw new UnsupportedSchemaError('', path, 'is false, so no value matches it');
    if (!isJsonObject(schema)) throw new UnsupportedSchemaError('', path, 'must be an object, true or false');
    open.add(path);
    if (open.size > mostLevels)
      throw new UnsupportedSchemaError('$ref', referrer, `follows more than ${mostLevels} references`);
    const keywords = Object.keys(schema).filter((keyword) => !isAnnotation(keyword, path));
    for (const keyword of keywords) {
      if (keyword === '$ref') visit(document.resolve(schema.$ref, path), path);
      else if (applicators.has(keyword)) {
        const options = readList(schema[keyword], keyword, path);
        if (keyword === 'allOf') for (const option of options) visit(option, path);
        else alternatives.set(pointerTo(path, keyword), options);
      } else if (!supported.has(keyword)) throw new UnsupportedSchemaError(keyword, path, 'is not supported');
    }
    if (keywords.some((keyword) => !applicators.has(keyword))) parts.set(path, { schema, path });
    open.delete(path);
    done.add(path);
  };

  for (const place of places) visit(place, place.path);
  return { parts, alternatives };
}

/** Whether a keyword does not constrain values. By convention, keywords with the prefix `x-` do not. */
function isAnnotation(keyword: string, path: string): boolean {
  return annotations.has(keyword) || keyword.startsWith('x-') || (keyword === '$id' && path === '#');
}

function readList(list: unknown, keyword: string, path: string): Place[] {
  if (!Array.isArray(list) || list.length === 0) {
    throw new UnsupportedSchemaError(keyword, path, 'must be a non-empty list');
  }
  return list.map((schema, index) => ({ schema, path: pointerTo(path, keyword, index) }));
}
