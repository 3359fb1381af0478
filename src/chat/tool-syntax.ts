// The format of tools and calls: that of the Hermes and Qwen models.
// The system message explains it to a model whose template does not, and the grammar enforces it.

import type { GrammarBuilder } from '../json-schema/grammar-builder.ts';
import {
  choice,
  type GrammarNode,
  literal,
  optional,
  reference,
  repeat,
  sequence,
} from '../json-schema/grammar-node.ts';
import { SchemaError } from '../json-schema/schema-error.ts';
import type { ChatTool } from './conversation.ts';

export const callStart = '<tool_call>';
export const callEnd = '</tool_call>';

/** The schema of a tool's arguments is malformed, or no value matches it. */
export class ToolSchemaError extends Error {
  override readonly name = 'ToolSchemaError';
  readonly tool: ChatTool;

  constructor(tool: ChatTool, cause: SchemaError) {
    super(`The parameters of the tool '${tool.function.name}' cannot be used: ${cause.message}`, { cause });
    this.tool = tool;
  }
}

/** Writes the text that explains tools to a model whose template does not. */
export function describeTools(tools: readonly ChatTool[]): string {
  return [
    '# Tools',
    '',
    'You may call one or more functions to assist with the user query.',
    '',
    'You are provided with function signatures within <tools></tools> XML tags:',
    '<tools>',
    ...tools.map((tool) => JSON.stringify(tool)),
    '</tools>',
    '',
    `For each function call, return a JSON object with function name and arguments within ${callStart}${callEnd} XML tags:`,
    writeToolCall('<function-name>', {}).replace('{}', '<args-json-object>'),
  ].join('\n');
}

/** Writes a call in the model's format. */
export function writeToolCall(name: string, callArguments: unknown): string {
  return `${callStart}\n${toCallHead(name)}${JSON.stringify(callArguments)}}\n${callEnd}`;
}

/** Writes the result of a call in the model's format. */
export function writeToolResponse(content: string): string {
  return `<tool_response>\n${content}\n</tool_response>`;
}

/** The part of a call before its arguments. */
function toCallHead(name: string): string {
  return `{"name": ${JSON.stringify(name)}, "arguments": `;
}

/** The schema of a function's arguments: always an object, any object by default. */
export function toArgumentsSchema({ function: { parameters } }: ChatTool): Readonly<Record<string, unknown>> {
  return { ...parameters, type: 'object' };
}

/**
 * Builds the grammar of one or more calls, without the first {@link callStart}.
 *
 * @throws {ToolSchemaError} when the schema of a tool's arguments is malformed, or no value matches it
 */
export function toCallsNode(
  grammar: GrammarBuilder,
  tools: readonly ChatTool[],
  { parallel }: { readonly parallel: boolean },
): GrammarNode {
  const newLine = optional(literal('\n'));
  const calls = tools.map((tool, index) => {
    const schema = addArguments(grammar, tool, index);
    return sequence(literal(toCallHead(tool.function.name)), reference(schema), literal('}'));
  });
  const call = reference(
    grammar.addRule('call', sequence(newLine, choice(...calls), newLine, literal(callEnd))),
  );
  if (!parallel) return call;
  return sequence(call, repeat(sequence(newLine, literal(callStart), call), 0));
}

function addArguments(grammar: GrammarBuilder, tool: ChatTool, index: number): string {
  try {
    return grammar.addSchema(toArgumentsSchema(tool), `arguments-${index}`);
  } catch (error) {
    if (!(error instanceof SchemaError)) throw error;
    throw new ToolSchemaError(tool, error);
  }
}
