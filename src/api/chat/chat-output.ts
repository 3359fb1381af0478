// The output of a chat: text, JSON of a schema or tool calls, and the grammar that enforces it.
import { type ChatGrammarOptions, toChatGrammar } from '../../chat/chat-grammar.ts';
import type { CallPlace } from '../../chat/chat-text.ts';
import type { ChatTool } from '../../chat/conversation.ts';
import type { Grammar } from '../../engine/engine.ts';
import { buildGrammarFor } from '../json-output.ts';
import type { ChatRequest } from './chat-request.ts';

export interface ChatOutput {
  /** The tools that the model may call. */
  readonly tools: readonly ChatTool[];
  readonly calls: CallPlace;
  /** The same as in {@link ChatGrammarOptions}. */
  readonly json: unknown;
  readonly grammar: Grammar | undefined;
}

/**
 * Derives the output from a request.
 *
 * @param tools the tools in the prompt
 * @throws {RequestError} `unsupported_schema` when no grammar can express a schema
 */
export function toChatOutput(
  request: ChatRequest,
  tools: readonly ChatTool[],
  thoughts: ChatGrammarOptions['thoughts'],
): ChatOutput {
  const { tool_choice: choice, response_format: format, parallel_tool_calls: parallel } = request;
  const callable =
    typeof choice === 'object' ? tools.filter((tool) => tool.function.name === choice.function.name) : tools;
  const json = toJsonSchema(format);
  const mustCall = choice === 'required' || typeof choice === 'object';
  const callPlace = mustCall || json !== undefined ? 'insteadOfContent' : 'anywhere';
  const output = { tools: callable, calls: callable.length === 0 ? 'none' : callPlace, json } as const;
  if (request.grammar !== undefined) return { ...output, grammar: { gbnf: request.grammar } };
  const build = (allowed: readonly ChatTool[]) =>
    toChatGrammar({ tools: allowed, mustCall, parallel, json, thoughts });
  // Builds the grammar of the JSON alone first, so that an error names the right field.
  if (json !== undefined && !mustCall) buildGrammarFor('response_format', () => build([]));
  const grammar = buildGrammarFor(callable.length > 0 ? 'tools' : 'response_format', () => build(callable));
  return { ...output, grammar };
}

/** Returns the schema of the text, `true` for any JSON object, or `undefined` for free text. */
function toJsonSchema(format: ChatRequest['response_format']): unknown {
  switch (format?.type) {
    case undefined:
    case 'text':
      return undefined;
    case 'json_object':
      return true;
    case 'json_schema':
      return format.json_schema.schema ?? true;
    default:
      throw format satisfies never;
  }
}
