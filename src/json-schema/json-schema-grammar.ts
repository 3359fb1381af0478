// Grammars for answers that are JSON and nothing else.
import { GrammarBuilder } from './grammar-builder.ts';

/**
 * A grammar for the JSON texts that satisfy a schema.
 *
 * @throws {UnsupportedSchemaError} for whatever in the schema cannot be promised
 */
export function schemaToGbnf(schema: unknown): string {
  const grammar = new GrammarBuilder();
  return grammar.toGbnf(grammar.addSchema(schema, 'answer'));
}
