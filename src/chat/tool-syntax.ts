// How a model is told of tools and writes its calls: the form of the Hermes models, which Qwen's use as well.
// A model whose template knows no such form is told of it, and the grammar keeps it to it.

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
import type { ChatTool } from './conversation.ts';

export const callStart = '<tool_call>';
export const callEnd = '</tool_call>';

/** What the system message says of tools to a model whose template says nothing. */
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

/** A call as the model writes it. */
export function writeToolCall(name: string, callArguments: unknown): string {
  return `${callStart}\n${toCallHead(name)}${JSON.stringify(callArguments)}}\n${callEnd}`;
}

/** What stands before the arguments. */
function toCallHead(name: string): string {
  return `{"name": ${JSON.stringify(name)}, "arguments": `;
}

/** The schema of a function's arguments: an object, of any kind where nothing is said. */
export function toArgumentsSchema({ function: { parameters } }: ChatTool): Readonly<Record<string, unknown>> {
  return { ...parameters, type: 'object' };
}

/**
 * One call or more, as they follow a {@link callStart}.
 *
 * @throws {UnsupportedSchemaError} when the arguments of a tool have a schema that no grammar can express
 */
export function toCallsNode(
  grammar: GrammarBuilder,
  tools: readonly ChatTool[],
  { parallel }: { readonly parallel: boolean },
): GrammarNode {
  const newLine = optional(literal('\n'));
  const calls = tools.map((tool, index) => {
    const schema = grammar.addSchema(toArgumentsSchema(tool), `arguments-${index}`);
    return sequence(literal(toCallHead(tool.function.name)), reference(schema), literal('}'));
  });
  const call = reference(
    grammar.addRule('call', sequence(newLine, choice(...calls), newLine, literal(callEnd))),
  );
  if (!parallel) return call;
  return sequence(call, repeat(sequence(newLine, literal(callStart), call), 0));
}
