// The schemas of a chat's answer as rules, which take the place of llama.cpp's own in the grammar of a format: llama.cpp's
// compiler leaves out the keywords that it does not know.
import { buildGrammar } from '../json-schema/grammar-builder.ts';
import { choice, reference } from '../json-schema/grammar-node.ts';
import { SchemaError } from '../json-schema/schema-error.ts';
import { toArgumentsSchema } from './call-syntax.ts';
import type { ChatTool } from './conversation.ts';

const textRule = 'of-text';
const toToolRule = (index: number) => `of-tool-${index}`;

/** The schema of a tool's arguments is malformed, or no value matches it. */
export class ToolSchemaError extends Error {
  override readonly name = 'ToolSchemaError';
  readonly tool: ChatTool;

  constructor(tool: ChatTool, cause: SchemaError) {
    super(`The parameters of the tool '${tool.function.name}' cannot be used: ${cause.message}`, { cause });
    this.tool = tool;
  }
}

export interface ChatSchemas {
  /** The tools that the model may call. */
  readonly tools: readonly ChatTool[];
  /** The schema of the text, or `undefined` for free text. */
  readonly json: unknown;
}

/**
 * Compiles the schemas of an answer. Each has a rule of its own, and the root is any of them.
 *
 * @throws {SchemaError} when a schema is malformed, or no value matches it; for a tool {@link ToolSchemaError}
 */
export function schemasToGbnf({ tools, json }: ChatSchemas): string {
  return buildGrammar((grammar) => {
    const rules = tools.map((tool, index) => {
      try {
        const rule = grammar.addSchema(toArgumentsSchema(tool), 'arguments');
        return grammar.addRule(toToolRule(index), reference(rule));
      } catch (error) {
        throw error instanceof SchemaError ? new ToolSchemaError(tool, error) : error;
      }
    });
    if (json !== undefined) rules.push(grammar.addRule(textRule, reference(grammar.addSchema(json, 'text'))));
    return grammar.addRule('all', choice(...rules.map((rule) => reference(rule))));
  });
}

/** What the names of all these rules begin with among llama.cpp's. */
export const schemaPrefix = 'schema-';

/** The names of the rules for the arguments of a tool, and for JSON, with {@link schemaPrefix}. */
export const schemaRules = {
  ofTool: (index: number): string => schemaPrefix + toToolRule(index),
  ofText: schemaPrefix + textRule,
};
