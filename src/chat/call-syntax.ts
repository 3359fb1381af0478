// The syntax of calls for models whose template has none: that of the Hermes and Qwen models. The system message explains it.
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
export function describeTools(tools: readonly ChatTool[], explainsCalls: boolean): string {
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
export function writeToolCall(name: string, callArguments: unknown): string {
  return `<tool_call>\n{"name": ${JSON.stringify(name)}, "arguments": ${JSON.stringify(callArguments)}}\n</tool_call>`;
}

/** Writes the result of a call. */
export function writeToolResponse(content: string): string {
  return `<tool_response>\n${content}\n</tool_response>`;
}

/** The texts around the list of a model's calls, and around the thoughts before it. */
export interface CallSyntax {
  readonly start: string;
  readonly end: string;
  readonly thoughts: { readonly start: string; readonly end: string } | undefined;
}

/**
 * Finds the marks of a model whose template writes no calls. Those of Phi-4-mini and Granite 3 write the tools, and mention the
 * mark. Other models are told the syntax by {@link describeTools}.
 */
export function findMarks(chatTemplate: string): Omit<CallSyntax, 'thoughts'> {
  const listStart = '<|tool_call|>';
  const listEnd = '<|/tool_call|>';
  if (!chatTemplate.includes(listStart)) return { start: '<tool_call>', end: '\n</tool_call>' };
  return { start: `${listStart}[`, end: chatTemplate.includes(listEnd) ? `]${listEnd}` : ']' };
}

/**
 * Writes a template with a syntax, from which llama.cpp finds the format. `opens_thoughts` opens thoughts in the prompt.
 */
export function toSyntaxTemplate({ start, end, thoughts }: CallSyntax): string {
  const quote = (text: string) => JSON.stringify(text);
  const thinking = thoughts && {
    past: `{%- if message.reasoning_content %}{{- ${quote(`${thoughts.start}\n`)} + message.reasoning_content + ${quote(`\n${thoughts.end}\n\n`)} }}{%- endif %}`,
    opened: `{%- if opens_thoughts %}{{- ${quote(`${thoughts.start}\n`)} }}{%- endif %}`,
  };
  return [
    "{%- if tools %}{{- '<|im_start|>system\\n' }}",
    "{%- for tool in tools %}{{- tool | tojson + '\\n' }}{%- endfor %}",
    "{{- '<|im_end|>\\n' }}{%- endif %}",
    '{%- for message in messages %}',
    "{{- '<|im_start|>' + message.role + '\\n' }}",
    thinking?.past ?? '',
    '{{- message.content }}',
    '{%- for call in message.tool_calls or [] %}',
    `{{- ${quote(`${start}{"name": "`)} + call.function.name + '", "arguments": ' + (call.function.arguments | tojson) + ${quote(`}${end}`)} }}`,
    '{%- endfor %}',
    "{{- '<|im_end|>\\n' }}",
    '{%- endfor %}',
    `{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}${thinking?.opened ?? ''}{%- endif %}`,
  ].join('\n');
}
