// Takes schemas that all hold apart: into what they say themselves, and the alternatives that they leave.

import type { Part } from './assertions.ts';
import { isJsonObject } from './json-object.ts';
import type { Place, SchemaDocument } from './schema-document.ts';
import { pointerTo, UnsupportedSchemaError } from './unsupported-schema-error.ts';

/** One of these schemas must hold. */
type Alternatives = readonly Place[];

/** Schemas that all hold, by where they are. */
export interface Conjunction {
  readonly parts: ReadonlyMap<string, Part>;
  readonly alternatives: ReadonlyMap<string, Alternatives>;
}

/** References that lead on to references, and `allOf` within `allOf`. */
const mostLevels = 200;

/** Keywords that say nothing about what is valid; `discriminator` and `example` are OpenAPI's. */
const annotations = new Set(
  (
    '$schema $comment $defs definitions title description default examples example deprecated readOnly writeOnly ' +
    'discriminator'
  ).split(' '),
);

/** Keywords that bring in other schemas. */
const applicators = new Set(['$ref', 'allOf', 'anyOf', 'oneOf']);

/**
 * Follows references and `allOf`.
 *
 * @param supported the keywords that a schema may have besides
 * @throws {UnsupportedSchemaError} for any other keyword, and for schemas that nothing satisfies
 */
export function takeApart(
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
    if (schema === false) throw new UnsupportedSchemaError('', path, 'is false: nothing satisfies it');
    if (!isJsonObject(schema)) throw new UnsupportedSchemaError('', path, 'must be an object, true or false');
    open.add(path);
    if (open.size > mostLevels)
      throw new UnsupportedSchemaError('$ref', referrer, `is behind more than ${mostLevels} references`);
    const said = Object.keys(schema).filter((keyword) => !isAnnotation(keyword, path));
    for (const keyword of said) {
      if (keyword === '$ref') visit(document.resolve(schema.$ref, path), path);
      else if (applicators.has(keyword)) {
        const options = readList(schema[keyword], keyword, path);
        if (keyword === 'allOf') for (const option of options) visit(option, path);
        else alternatives.set(pointerTo(path, keyword), options);
      } else if (!supported.has(keyword)) throw new UnsupportedSchemaError(keyword, path, 'is not supported');
    }
    if (said.some((keyword) => !applicators.has(keyword))) parts.set(path, { schema, path });
    open.delete(path);
    done.add(path);
  };

  for (const place of places) visit(place, place.path);
  return { parts, alternatives };
}

/** Whoever invents a keyword that begins with `x-` means it as an annotation. */
function isAnnotation(keyword: string, path: string): boolean {
  return annotations.has(keyword) || keyword.startsWith('x-') || (keyword === '$id' && path === '#');
}

function readList(list: unknown, keyword: string, path: string): Place[] {
  if (!Array.isArray(list) || list.length === 0) {
    throw new UnsupportedSchemaError(keyword, path, 'must be a list that is not empty');
  }
  return list.map((schema, index) => ({ schema, path: pointerTo(path, keyword, index) }));
}
