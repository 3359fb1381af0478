// Resolves `$ref` and `allOf`: merges schemas that must all hold to their keywords and their alternatives.

import type { Part } from './assertions.ts';
import type { CanonicalSchema } from './canonical-schema.ts';
import type { Place, SchemaDocument } from './schema-document.ts';
import { pointerTo, SchemaError, UnsatisfiableSchemaError } from './schema-error.ts';

/** Schemas of which one must hold. */
type Alternatives = readonly Place[];

/** Schemas that must all hold, by their paths. */
export interface Conjunction {
  readonly parts: ReadonlyMap<string, Part>;
  readonly alternatives: ReadonlyMap<string, Alternatives>;
}

/** The deepest chain of references and nested `allOf`. */
const mostLevels = 200;

/** Keywords that apply other schemas to the same value. */
const applicators = new Set(['$ref', 'allOf', 'anyOf', 'oneOf']);

/**
 * Resolves references and `allOf`.
 *
 * @throws {UnsatisfiableSchemaError} when no value matches a schema
 * @throws {SchemaError} when a schema refers to itself, or follows too many references
 */
export function toConjunction(places: readonly Place[], document: SchemaDocument): Conjunction {
  const parts = new Map<string, Part>();
  const alternatives = new Map<string, Alternatives>();
  const done = new Set<string>();
  const open = new Set<string>();

  const visit = ({ schema, path }: Place, referrer: string): void => {
    if (open.has(path)) throw new SchemaError('$ref', referrer, 'refers to itself');
    if (schema === true || done.has(path)) return;
    if (schema === false) throw new UnsatisfiableSchemaError('', path, 'is false, so no value matches it');
    open.add(path);
    if (open.size > mostLevels)
      throw new SchemaError('$ref', referrer, `follows more than ${mostLevels} references`);
    const keywords = Object.keys(schema).filter((keyword) => keyword !== '$defs');
    for (const keyword of keywords.filter((each) => applicators.has(each))) {
      if (keyword === '$ref') visit(document.resolve(schema.$ref as string), path);
      else if (keyword === 'allOf') for (const option of toPlaces(schema, keyword, path)) visit(option, path);
      else alternatives.set(pointerTo(path, keyword), toPlaces(schema, keyword, path));
    }
    if (keywords.some((keyword) => !applicators.has(keyword))) parts.set(path, { schema, path });
    open.delete(path);
    done.add(path);
  };

  for (const place of places) visit(place, place.path);
  return { parts, alternatives };
}

function toPlaces(schema: Part['schema'], keyword: string, path: string): Place[] {
  const list = schema[keyword] as readonly CanonicalSchema[];
  return list.map((each, index) => ({ schema: each, path: pointerTo(path, keyword, index) }));
}
