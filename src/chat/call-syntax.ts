// Writes tools, calls and results into the messages of models whose templates do not. The syntax is that of the Hermes and Qwen
// models, unless the family has another one.
import { isJsonObject } from '../json-schema/json-object.ts';
import { type CallFormat, toldFormat } from './call-forms.ts';
import type { ChatTool } from './conversation.ts';
import type { TemplateMessage } from './template-message.ts';

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
    writeCall('<function-name>', {}, toldFormat).replace('{}', '<args-json-object>'),
  ].join('\n');
}

/** Writes the calls of a message into its text, and results as messages of the user where the template has none. */
export function writeCalls(message: TemplateMessage, format: CallFormat): TemplateMessage {
  const { role, content, reasoning_content, tool_calls } = message;
  if (role === 'tool' && !format.writesResults)
    return { role: 'user', content: `<tool_response>\n${content}\n</tool_response>` };
  if (tool_calls === undefined) return message;
  const calls = tool_calls.map(({ function: call }) => writeCall(call.name, call.arguments, format));
  const texts = [content, ...calls].filter((text) => text !== '');
  return { role, content: texts.join('\n'), reasoning_content };
}

function writeCall(name: string, callArguments: unknown, format: CallFormat): string {
  const { start, end, call } = format.forms[0];
  const written =
    call === 'python' && isJsonObject(callArguments)
      ? writePythonCall(name, callArguments)
      : `{"name": ${JSON.stringify(name)}, "arguments": ${JSON.stringify(callArguments)}}`;
  return `${start}${written}${end}`;
}

const pythonWords: Readonly<Record<string, string>> = { true: 'True', false: 'False', null: 'None' };

function writePythonCall(name: string, callArguments: Readonly<Record<string, unknown>>): string {
  const written = Object.entries(callArguments).map(([key, value]) => {
    const json = JSON.stringify(value);
    return `${key}=${pythonWords[json] ?? json}`;
  });
  return `${name}(${written.join(', ')})`;
}
