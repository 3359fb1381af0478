// Converts a JSON Schema to a grammar for answers that are JSON only.
import { GrammarBuilder } from './grammar-builder.ts';

/**
 * Creates a grammar for JSON texts that match a schema.
 *
 * @throws {UnsupportedSchemaError} when no grammar can enforce the schema
 */
export function schemaToGbnf(schema: unknown): string {
  const grammar = new GrammarBuilder();
  return grammar.toGbnf(grammar.addSchema(schema, 'answer'));
}
