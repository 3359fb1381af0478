// The schemas of a chat's answer as rules, which take the place of llama.cpp's own in the grammar of a format: llama.cpp's
// compiler leaves out the keywords that it does not know.
import { buildGrammar } from '../json-schema/grammar-builder.ts';
import { choice, reference } from '../json-schema/grammar-node.ts';
import { SchemaError } from '../json-schema/schema-error.ts';
import { toArgumentsSchema } from './call-syntax.ts';
import type { ChatTool } from './conversation.ts';
import { type GbnfRules, parseRules, toRuleName, withPrefix } from './gbnf-rules.ts';

const prefix = 'schema-';
const textRule = 'of-text';

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
      const rule = addArguments(() => grammar.addSchema(toArgumentsSchema(tool), 'arguments'), tool);
      return grammar.addRule(toToolRule(index), reference(rule));
    });
    if (json !== undefined) rules.push(grammar.addRule(textRule, reference(grammar.addSchema(json, 'text'))));
    return grammar.addRule('all', choice(...rules.map((rule) => reference(rule))));
  });
}

/** The rules of {@link schemasToGbnf}, with names that no rule of llama.cpp has. */
export function toSchemaRules(gbnf: string): GbnfRules {
  return withPrefix(parseRules(gbnf), prefix);
}

/** The names in {@link toSchemaRules} of the rules for the arguments of a tool, and for JSON. */
export const schemaRules = {
  ofTool: (index: number): string => prefix + toToolRule(index),
  ofText: prefix + textRule,
};

/**
 * Puts the rules of {@link schemasToGbnf} in the place of llama.cpp's. Where a family does not write arguments as JSON, there is no
 * such rule, and finished arguments are checked.
 */
export function withSchemas(rules: GbnfRules, gbnf: string, tools: readonly ChatTool[]): GbnfRules {
  const ours = toSchemaRules(gbnf);
  const merged = new Map([...ours, ...rules]);
  const replace = (theirs: string, rule: string) => {
    if (rules.has(theirs) && ours.has(prefix + rule)) merged.set(theirs, prefix + rule);
  };
  for (const [index, tool] of tools.entries())
    replace(`tool-${toRuleName(tool.function.name)}-schema`, toToolRule(index));
  replace('response-format-schema', textRule);
  return merged;
}

function toToolRule(index: number): string {
  return `of-tool-${index}`;
}

function addArguments(add: () => string, tool: ChatTool): string {
  try {
    return add();
  } catch (error) {
    if (!(error instanceof SchemaError)) throw error;
    throw new ToolSchemaError(tool, error);
  }
}
