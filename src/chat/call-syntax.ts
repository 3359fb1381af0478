// Writes tools, calls and results into the messages of models whose templates do not. The syntax is that of the Hermes and Qwen
// models, unless the family has another one.
import { type CallFormat, toldFormat } from './call-forms.ts';
import type { ChatTool } from './conversation.ts';

/** The schema of a function's arguments: always an object, any object by default. */
export function toArgumentsSchema({ function: { parameters } }: ChatTool): Readonly<Record<string, unknown>> {
  return { ...parameters, type: 'object' };
}

/**
 * Writes the text that explains tools to a model whose template does not.
 *
 * @param explainsCalls whether it explains the syntax of calls as well
 */
export function describeTools(
  tools: readonly ChatTool[],
  format: CallFormat,
  explainsCalls: boolean,
): string {
  if (format.tools !== undefined) {
    const [start, end] = format.tools;
    return `${start}${JSON.stringify(tools.map((tool) => tool.function))}${end}`;
  }
  const lines = [
    '# Tools',
    '',
    'You may call one or more functions to assist with the user query.',
    '',
    'You are provided with function signatures within <tools></tools> XML tags:',
    '<tools>',
    ...tools.map((tool) => JSON.stringify(tool)),
    '</tools>',
  ];
  if (!explainsCalls) return lines.join('\n');
  return [
    ...lines,
    '',
    'For each function call, return a JSON object with function name and arguments within <tool_call></tool_call> XML tags:',
    writeToolCall('<function-name>', {}).replace('{}', '<args-json-object>'),
  ].join('\n');
}

/** Writes a call. */
export function writeToolCall(name: string, callArguments: unknown, format: CallFormat = toldFormat): string {
  const { start, end } = format.forms[0];
  return `${start}{"name": ${JSON.stringify(name)}, "arguments": ${JSON.stringify(callArguments)}}${end}`;
}

/** Writes the result of a call. */
export function writeToolResponse(content: string): string {
  return `<tool_response>\n${content}\n</tool_response>`;
}
