// Converts a JSON Schema to a grammar for answers that are JSON only.
import { buildGrammar } from './grammar-builder.ts';

/**
 * Creates a grammar for JSON texts of a schema. It enforces what a grammar can express. The rest is left to
 * `validateJson()`.
 *
 * @throws {SchemaError} when the schema is malformed, or no value matches it
 */
export function schemaToGbnf(schema: unknown): string {
  return buildGrammar((grammar) => grammar.addSchema(schema, 'answer'));
}
