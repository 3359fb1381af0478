// How models write calls where llama.cpp's own code does not know it, or reads it wrongly. native/chat makes the parser and the
// grammar from these forms.
import type { CallForm } from '../engine/chat-library.ts';

/** The calls of a family of models. */
export interface CallFormat {
  /** The forms that are read as calls. A model that must call writes the first one, and earlier calls are written in it. */
  readonly forms: readonly [CallForm, ...CallForm[]];
  /** Control tokens that are parts of the forms. */
  readonly marks: readonly string[];
  /** Texts that end the answer. Default: none. */
  readonly stops?: readonly string[];
  /** The texts around the tools in the system message. Absent: that of {@link describeTools}. */
  readonly tools?: readonly [start: string, end: string];
  /** Whether a text of the JSON of calls and nothing else is calls. */
  readonly readsBareJson?: boolean;
  /** Whether the template writes the results of calls, though not the calls. */
  readonly writesResults?: boolean;
  /** Whether it is better than what llama.cpp finds. */
  readonly isBetter?: boolean;
}

/**
 * The form that the system message explains to models whose template has none, and forms that models write all the same: Qwen2.5-Coder
 * answers with the tag of the tools, with a fence of JSON or with JSON alone, and Gemma with a fence of Python.
 */
export const toldFormat: CallFormat = {
  forms: [
    { start: '<tool_call>\n', end: '\n</tool_call>', call: 'json' },
    { start: '<tools>', end: '</tools>', call: 'json', separator: '', isText: true },
    { start: '```json', end: '```', call: 'json', separator: '', isText: true },
    { start: '```tool_code', end: '```', call: 'python', separator: '', isText: true },
  ],
  marks: ['<tool_call>', '</tool_call>'],
  readsBareJson: true,
};

interface Family extends CallFormat {
  /** A text that only the templates of the family have. */
  readonly mark: string;
}

const families: readonly Family[] = [
  // FunctionGemma writes the start of a result behind its calls: https://ai.google.dev/gemma/docs/functiongemma
  {
    mark: '<start_function_call>',
    isBetter: true,
    forms: [{ start: '<start_function_call>', end: '<end_function_call>', call: 'escaped' }],
    marks: ['<start_function_call>', '<end_function_call>', '<escape>', '<start_function_response>'],
    stops: ['<start_function_response>'],
  },
  // Mistral Small 3.2. llama.cpp wants the mark of the arguments before that of the id as well.
  {
    mark: '[CALL_ID]',
    isBetter: true,
    forms: [{ start: '[TOOL_CALLS]', end: '', call: 'tagged' }],
    marks: ['[TOOL_CALLS]', '[CALL_ID]', '[ARGS]'],
  },
  // Qwen2.5 and Qwen2.5-Coder, whose templates are the same, and others that explain calls in their words.
  { mark: '<args-json-object>', isBetter: true, ...toldFormat },
  // Phi-4-mini. Its template has the tools where its system message has them.
  {
    mark: '<|tool|>',
    forms: [{ start: '<|tool_call|>[', end: ']<|/tool_call|>', call: 'json', separator: ',' }],
    marks: ['<|tool_call|>', '<|/tool_call|>'],
    tools: ['<|tool|>', '<|/tool|>'],
  },
  // LFM2. llama.cpp finds its calls, and its template does not write them.
  {
    mark: 'List of tools: ',
    forms: [{ start: '<|tool_call_start|>[', end: ']<|tool_call_end|>', call: 'python', separator: ',' }],
    marks: ['<|tool_call_start|>', '<|tool_call_end|>'],
    writesResults: true,
  },
  // Granite 3.
  {
    mark: '<|tool_call|>',
    forms: [{ start: '<|tool_call|>[', end: ']', call: 'json', separator: ',' }],
    marks: ['<|tool_call|>'],
  },
];

/** Finds the format of a template's family. One that is not known writes calls as they are told. */
export function findFamilyFormat(chatTemplate: string): CallFormat {
  return families.find(({ mark }) => chatTemplate.includes(mark)) ?? toldFormat;
}

/** Writes the regular expression that matches a text. */
export function escapePattern(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');
}

/**
 * Writes the regular expressions of the texts that start a call. In a text, a mark alone starts none: the name of a tool is behind it.
 */
export function toTriggers({ forms, readsBareJson }: CallFormat, names: readonly string[]): string[] {
  const anyName = `(?:${names.map(escapePattern).join('|')})`;
  const json = String.raw`\{\s*"name"\s*:\s*"${anyName}"`;
  const triggers = forms.map(({ start, call, isText }) => {
    const mark = escapePattern(start.trim());
    if (!isText) return mark;
    return call === 'python' ? String.raw`${mark}\s*(?:print\()?${anyName}\(` : String.raw`${mark}\s*${json}`;
  });
  return readsBareJson ? [...triggers, String.raw`^\s*(${json}\s*,\s*"arguments"\s*:)`] : triggers;
}
