// The format of a chat's answer: how its text is constrained and parsed, by the model's family.
import type { AppliedTemplate } from '../engine/chat-library.ts';
import type { Grammar } from '../engine/engine.ts';
import { isJsonObject } from '../json-schema/json-object.ts';
import { type AnswerGrammar, compileAnswer } from './answer-grammar.ts';
import { escapePattern } from './call-forms.ts';
import type { ChatReaderOptions } from './chat-reader.ts';
import type { ChatTemplate, RenderedPrompt } from './chat-template.ts';
import type { ChatTool } from './conversation.ts';
import { toFormFormat } from './form-format.ts';
import { toThoughtMarks } from './template-abilities.ts';
import { BrokenTemplateError } from './template-errors.ts';

export interface FormatOptions {
  /** The tools that the model may call. */
  readonly tools: readonly ChatTool[];
  /** Whether the model must call a tool. */
  readonly mustCall: boolean;
  /** Whether the model may make several calls in one answer. */
  readonly parallel: boolean;
  /** Whether the text is JSON. */
  readonly isJson: boolean;
  /** The schemas of tools and JSON, by {@link schemasToGbnf}. Empty: there are none. */
  readonly schemas: string;
  /** Writes the grammar of the answer, on another thread where that takes long. */
  readonly compile: (answer: AnswerGrammar) => Promise<string>;
}

export interface ChatFormat {
  readonly reader: ChatReaderOptions;
  /** Absent: the text is free. */
  readonly grammar: Grammar | undefined;
  /** Control tokens whose texts are parts of the format. */
  readonly marks: readonly string[];
  /** Texts that end the answer. */
  readonly stops: readonly string[];
}

/** What Granite 3.3's template tells the model behind thoughts. */
const toldResponse = 'write your response between <response></response>';

/** Finds the format of the answer to a prompt. */
export async function findChatFormat(
  template: ChatTemplate,
  rendered: RenderedPrompt,
  options: FormatOptions,
): Promise<ChatFormat> {
  const format = await findFormat(template, rendered, options);
  const { reader, stops } = format;
  if (reader.thoughts === undefined || !rendered.prompt.includes(toldResponse)) return format;
  return {
    ...format,
    reader: { ...reader, contentStart: '<response>' },
    stops: [...stops, '</response>'],
  };
}

async function findFormat(
  template: ChatTemplate,
  rendered: RenderedPrompt,
  options: FormatOptions,
): Promise<ChatFormat> {
  const { tools, mustCall, parallel } = options;
  const isJson = options.isJson && !mustCall;
  const plain = toPlainFormat(options.isJson ? options.schemas : undefined);
  if (tools.length === 0 && template.abilities.thoughts === undefined) return plain;
  const callFormat = tools.length > 0 ? template.callFormat : undefined;
  if (callFormat !== undefined) return toFormFormat(template, rendered, callFormat, options);
  const find = (wanted: readonly ChatTool[], toolChoice: 'auto' | 'required', hasSchema: boolean) => {
    const apply = (shown: readonly ChatTool[]) =>
      template.findFormat(rendered, { tools: shown, toolChoice, parallel, hasSchema });
    return apply(wanted).catch((error: unknown) => {
      if (error instanceof BrokenTemplateError && wanted.length > 0) return apply(wanted.map(toUntypedTool));
      throw error;
    });
  };
  const applied = await find(tools, mustCall ? 'required' : 'auto', isJson && tools.length === 0);
  const thoughts = toThoughtMarks(template.abilities.thoughts, applied.generationPrompt);
  // llama.cpp knows no grammar of JSON for some families. Without thoughts, it is the whole text.
  if (isJson && applied.grammar === '' && tools.length === 0 && !thoughts?.hasStarted) return plain;
  // llama.cpp has no grammar for either.
  const isEither = isJson && tools.length > 0;
  const formats = isEither
    ? [await find(tools, 'required', false), await find([], 'auto', true)]
    : [applied].filter(({ grammar }) => grammar !== '');
  const triggers = applied.triggers.map(({ isWord, value }) => (isWord ? escapePattern(value) : value));
  const prefix = applied.generationPrompt;
  return {
    reader: {
      parser: applied.parser,
      thoughts,
      openedThoughts: thoughts?.hasStarted ? (prefix.split(thoughts.start).at(-1) ?? '').trimStart() : '',
      mayCall: tools.length > 0,
      callMarks: toCallMarks(applied),
    },
    grammar: await compileAnswer(formats, options, { prefix, triggers, thoughts }),
    marks: applied.preservedTokens,
    stops: applied.stops,
  };
}

/** A model that neither thinks nor calls tools writes its content as it is. Without `gbnf`, it is free. */
export function toPlainFormat(gbnf: string | undefined): ChatFormat {
  const reader = { parser: undefined, thoughts: undefined, mayCall: false };
  return { reader, grammar: gbnf === undefined ? undefined : { gbnf }, marks: [], stops: [] };
}

/**
 * A tool whose arguments have names and no types, because llama.cpp does not read every schema: it refuses `true`. The rules of
 * this project take the place of its own, and where a family does not write arguments as JSON, finished arguments are checked.
 */
function toUntypedTool(tool: ChatTool): ChatTool {
  const { properties, required } = tool.function.parameters ?? {};
  const names = isJsonObject(properties) ? Object.keys(properties) : [];
  const untyped = Object.fromEntries(names.map((name) => [name, {}]));
  const parameters = { type: 'object', properties: untyped, ...(Array.isArray(required) && { required }) };
  return { ...tool, function: { ...tool.function, parameters } };
}

function toCallMarks({ isLazy, triggers }: AppliedTemplate): RegExp[] | undefined {
  if (!isLazy || triggers.some(({ isWord }) => !isWord)) return undefined;
  return triggers.map(({ value }) => new RegExp(`^${escapePattern(value.trim())}`));
}
