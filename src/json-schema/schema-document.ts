// A schema in the canonical form: resolves its references, and checks values by its parts.
import { dereference, type Schema, validate } from '@cfworker/json-schema';
import { type CanonicalSchema, toCanonicalSchema } from './canonical-schema.ts';

/** A schema and its path in the document, a JSON pointer such as `#/properties/a`. */
export interface Place {
  readonly schema: CanonicalSchema;
  readonly path: string;
}

const definitions = '#/$defs/';

export class SchemaDocument {
  readonly root: Place;
  #lookup: ReturnType<typeof dereference> | undefined;

  /** @throws {SchemaError} when the schema is malformed */
  constructor(schema: unknown) {
    this.root = { schema: toCanonicalSchema(schema), path: '#' };
  }

  /** Returns the schema that a reference of the canonical form names. */
  resolve(reference: string): Place {
    if (reference === '#') return this.root;
    const { schema: root } = this.root;
    const all = (typeof root === 'boolean' ? {} : root.$defs) as Readonly<Record<string, CanonicalSchema>>;
    return { schema: all[reference.slice(definitions.length)] ?? true, path: reference };
  }

  /** Whether a value satisfies a schema of the document. */
  isSatisfied(schema: unknown, value: unknown): boolean {
    this.#lookup ??= dereference(this.root.schema as Schema | boolean);
    return validate(value, schema as Schema | boolean, '2020-12', this.#lookup).valid;
  }
}
