// What a chat's answer must be: text, JSON of a schema, calls of tools; and the grammar that sees to it.
import { type ChatGrammarOptions, toChatGrammar } from '../../chat/chat-grammar.ts';
import type { CallPlace } from '../../chat/chat-text.ts';
import type { ChatTool } from '../../chat/conversation.ts';
import type { Grammar } from '../../engine/engine.ts';
import { failingAsRequest } from '../json-output.ts';
import type { ChatRequest } from './chat-request.ts';

export interface ChatOutput {
  /** Those that may be called. */
  readonly tools: readonly ChatTool[];
  readonly calls: CallPlace;
  /** As in {@link ChatGrammarOptions}. */
  readonly json: unknown;
  readonly grammar: Grammar | undefined;
}

/**
 * Reads from a request what its answer must be.
 *
 * @param tools those that the model is told of
 * @throws {RequestError} `unsupported_schema` for a schema that no grammar can express
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
  const freely = mustCall || json !== undefined ? 'insteadOfContent' : 'anywhere';
  const output = { tools: callable, calls: callable.length === 0 ? 'none' : freely, json } as const;
  if (request.grammar !== undefined) return { ...output, grammar: { gbnf: request.grammar } };
  const build = (of: readonly ChatTool[]) => toChatGrammar({ tools: of, mustCall, parallel, json, thoughts });
  // Which of the two it is that no grammar can express.
  if (json !== undefined && !mustCall) failingAsRequest('response_format', () => build([]));
  const grammar = failingAsRequest(callable.length > 0 ? 'tools' : 'response_format', () => build(callable));
  return { ...output, grammar };
}

/** The schema of the answer's text, `true` for any JSON object, and nothing for free text. */
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
