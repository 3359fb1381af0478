// Converts a schema of any dialect to one form, for the grammar and for the check of the finished text:
// only keywords of 2020-12 that constrain values, valid ones, with references that start with `#/$defs/`.
import { knownFormats } from './formats.ts';
import { isJsonObject } from './json-object.ts';
import { toModernKeywords } from './older-dialects.ts';
import { toUnicodePattern } from './pattern-dialect.ts';
import { quote, SchemaError } from './schema-error.ts';
import { schemaKeywords, schemaListKeywords, schemaMapKeywords, valueChecks } from './schema-keywords.ts';
import { mostValues, SchemaSource, type Source } from './schema-source.ts';

/** A schema in the canonical form. */
export type CanonicalSchema = boolean | { readonly [keyword: string]: unknown };

/**
 * Converts a schema to the canonical form. Drops annotations and formats that nothing can check.
 *
 * @throws {SchemaError} when the schema is malformed or too large, or names a schema outside of the document
 */
export function toCanonicalSchema(schema: unknown): CanonicalSchema {
  return new Canonicalizer(schema).convert();
}

class Canonicalizer {
  readonly #source: SchemaSource;
  /** The names of the definitions, by the paths of the schemas that references name. */
  readonly #names = new Map<string, string>();
  readonly #taken = new Set<string>();
  readonly #pending: { readonly name: string; readonly source: Source }[] = [];
  #schemas = 0;

  constructor(schema: unknown) {
    this.#source = new SchemaSource(schema);
  }

  convert(): CanonicalSchema {
    const root = this.#convert(this.#source.root);
    const definitions: [string, CanonicalSchema][] = [];
    for (let next = this.#pending.pop(); next !== undefined; next = this.#pending.pop())
      definitions.push([next.name, this.#convert(next.source)]);
    if (typeof root === 'boolean' || definitions.length === 0) return root;
    return { ...root, $defs: Object.fromEntries(definitions) };
  }

  #convert(source: Source): CanonicalSchema {
    const { schema, path } = source;
    if (typeof schema === 'boolean') return schema;
    if (!isJsonObject(schema)) throw new SchemaError('', path, 'must be an object, true or false');
    // Schemas that contain each other's references are converted several times.
    this.#schemas += 1;
    if (this.#schemas > mostValues) throw new SchemaError('', '#', `has more than ${mostValues} schemas`);
    if (this.#source.isAmbiguous(schema.$dynamicRef))
      throw new SchemaError('$dynamicRef', path, "names several schemas. Use '$ref'");
    const { keywords, originalNames } = toModernKeywords(schema, path);
    const converted = Object.entries(keywords).flatMap(([keyword, value]): [string, unknown][] => {
      const name = originalNames[keyword] ?? keyword;
      const inside = (inner: unknown, ...tokens: (string | number)[]) =>
        this.#convert(this.#source.inside(source, inner, name, ...tokens));
      if (keyword === '$ref') return [['$ref', this.#toReference(value, source)]];
      if (schemaKeywords.has(keyword)) return [[keyword, inside(value)]];
      if (schemaListKeywords.has(keyword)) {
        if (!Array.isArray(value) || value.length === 0)
          throw new SchemaError(name, path, 'must be a non-empty list');
        return [[keyword, value.map((each, index) => inside(each, index))]];
      }
      if (schemaMapKeywords.has(keyword)) {
        if (!isJsonObject(value)) throw new SchemaError(name, path, 'must be an object');
        const entries = Object.entries(value).map(([key, inner]) => [key, inside(inner, key)] as const);
        return [
          [keyword, keyword === 'patternProperties' ? this.#withPatterns(entries, path) : toMap(entries)],
        ];
      }
      return this.#toValue(keyword, value, path);
    });
    return toMap(converted);
  }

  #toValue(keyword: string, value: unknown, path: string): [string, unknown][] {
    const check = valueChecks.get(keyword);
    if (check === undefined) return [];
    if (!check.isValid(value)) throw new SchemaError(keyword, path, check.says);
    if (keyword === 'format' && !knownFormats.has(value as string)) return [];
    if (keyword === 'pattern') return [[keyword, this.#toPattern(value as string, keyword, path)]];
    return [[keyword, value]];
  }

  #withPatterns(entries: readonly (readonly [string, CanonicalSchema])[], path: string) {
    return toMap(entries.map(([key, schema]) => [this.#toPattern(key, 'patternProperties', path), schema]));
  }

  #toPattern(source: string, keyword: string, path: string): string {
    const pattern = toUnicodePattern(source);
    if (pattern === undefined)
      throw new SchemaError(keyword, path, `has '${quote(source)}', which is not a regular expression`);
    return pattern;
  }

  #toReference(reference: unknown, source: Source): string {
    if (typeof reference !== 'string') throw new SchemaError('$ref', source.path, 'must be a string');
    const target = this.#source.resolve(reference, source);
    if (target.path === '#') return '#';
    const known = this.#names.get(target.path);
    if (known !== undefined) return `#/$defs/${known}`;
    // The name must not need an escape in a pointer or in a URI.
    const last = target.path.slice(target.path.lastIndexOf('/') + 1).replaceAll(/[^\w.-]/g, '-');
    let name = last;
    for (let number = this.#names.size; this.#taken.has(name); number++) name = `${last}-${number}`;
    this.#taken.add(name);
    this.#names.set(target.path, name);
    this.#pending.push({ name, source: target });
    return `#/$defs/${name}`;
  }
}

/** Creates an object with any names, `__proto__` included. */
function toMap(entries: Iterable<readonly [string, unknown]>): { readonly [name: string]: never } {
  return Object.fromEntries(entries) as { readonly [name: string]: never };
}
