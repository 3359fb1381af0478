// Replaces the keywords of older drafts and of OpenAPI 3.0 by those of JSON Schema 2020-12.
import { isJsonObject } from './json-object.ts';
import { pointerTo, SchemaError } from './schema-error.ts';
import { isTexts } from './schema-keywords.ts';

type Keywords = Record<string, unknown>;

/** A schema's keywords, and for each renamed one its name in the schema. */
interface Modern {
  readonly keywords: Readonly<Keywords>;
  readonly originalNames: Readonly<Record<string, string>>;
}

/**
 * Returns the keywords of a schema in the terms of 2020-12. A keyword that is null counts as absent.
 *
 * @throws {SchemaError} when the value of an old keyword is malformed
 */
export function toModernKeywords(schema: Readonly<Keywords>, path: string): Modern {
  const entries = Object.entries(schema).filter(([keyword, value]) => value !== null || keyword === 'const');
  const keywords: Keywords = Object.fromEntries(entries);
  modernizeReferences(keywords);
  modernizeBounds(keywords, path);
  modernizeDependencies(keywords, path);
  modernizeRequired(keywords, path);
  modernizeTypes(keywords);
  modernizeDraft3(keywords);
  return { keywords, originalNames: modernizeItems(keywords) };
}

/** Within one document, a dynamic reference is a reference. */
function modernizeReferences(keywords: Keywords): void {
  const { $dynamicRef, $recursiveRef } = keywords;
  keywords.$ref ??= $dynamicRef ?? $recursiveRef;
  if (keywords.$ref === undefined) delete keywords.$ref;
}

/** Draft 4 has `exclusiveMinimum: true` beside `minimum`. */
function modernizeBounds(keywords: Keywords, path: string): void {
  for (const [exclusive, inclusive] of [
    ['exclusiveMinimum', 'minimum'],
    ['exclusiveMaximum', 'maximum'],
  ] as const) {
    const isExclusive = keywords[exclusive];
    if (typeof isExclusive !== 'boolean') continue;
    delete keywords[exclusive];
    if (!isExclusive) continue;
    const bound = keywords[inclusive];
    if (typeof bound !== 'number')
      throw new SchemaError(exclusive, path, `must be a number, or true beside '${inclusive}'`);
    delete keywords[inclusive];
    keywords[exclusive] = bound;
  }
}

/** Drafts up to 7 have one keyword for the dependencies on names and on schemas. */
function modernizeDependencies(keywords: Keywords, path: string): void {
  const { dependencies } = keywords;
  if (dependencies === undefined) return;
  if (!isJsonObject(dependencies)) throw new SchemaError('dependencies', path, 'must be an object');
  const lists: Keywords = {};
  const schemas: Keywords = {};
  for (const [name, value] of Object.entries(dependencies)) {
    if (typeof value === 'string') lists[name] = [value];
    else if (isTexts(value)) lists[name] = value;
    else schemas[name] = value;
  }
  keywords.dependentRequired ??= lists;
  keywords.dependentSchemas ??= schemas;
}

/** Draft 3 and some code generators mark a property itself as required. */
function modernizeRequired(keywords: Keywords, path: string): void {
  if (typeof keywords.required === 'boolean') delete keywords.required;
  const { properties, required = [] } = keywords;
  if (!isJsonObject(properties)) return;
  const marked = Object.keys(properties).filter((name) => {
    const property = properties[name];
    return isJsonObject(property) && property.required === true;
  });
  if (marked.length === 0) return;
  if (!isTexts(required)) throw new SchemaError('required', pointerTo(path), 'must be a list of strings');
  keywords.required = [...new Set([...required, ...marked])];
}

/** OpenAPI 3.0 adds null to a `type` with `nullable`. Draft 3 has the type `any`. */
function modernizeTypes(keywords: Keywords): void {
  const { type, nullable } = keywords;
  const names = Array.isArray(type) ? type : [type];
  if (names.includes('any')) delete keywords.type;
  else if (nullable === true && type !== undefined) keywords.type = [...new Set([...names, 'null'])];
}

/** Drafts up to 2019-09 have a list of schemas in `items`, and those of the other items in `additionalItems`. */
function modernizeItems(keywords: Keywords): Modern['originalNames'] {
  const { items, additionalItems } = keywords;
  if (!Array.isArray(items)) return {};
  delete keywords.items;
  if (items.length > 0) keywords.prefixItems = items;
  if (additionalItems !== undefined) keywords.items = additionalItems;
  return { prefixItems: 'items', items: 'additionalItems' };
}

/** Draft 3 has other names for three keywords. */
function modernizeDraft3(keywords: Keywords): void {
  const { extends: base, disallow, divisibleBy, allOf = [] } = keywords;
  if (typeof divisibleBy === 'number') keywords.multipleOf ??= divisibleBy;
  if (isJsonObject(base) || Array.isArray(base)) keywords.allOf = [allOf, base].flat();
  if (disallow === undefined || keywords.not !== undefined) return;
  const options = [disallow].flat().map((each) => (typeof each === 'string' ? { type: each } : each));
  keywords.not = { anyOf: options };
}
