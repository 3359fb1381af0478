// The output of a chat: text, JSON of a schema or tool calls, and the grammar that enforces it.
import type { ChatGrammarOptions } from '../../chat/chat-grammar.ts';
import type { CallPlace } from '../../chat/chat-text.ts';
import type { ChatTool } from '../../chat/conversation.ts';
import type { Grammar } from '../../engine/engine.ts';
import { compileGrammar } from '../grammar/compile-grammar.ts';
import { assertValid } from '../json-output.ts';
import { assertTogether } from '../request-body.ts';
import { type TextConstraint, toTextOutput } from '../text-constraint.ts';
import type { ChatRequest } from './chat-request.ts';

export interface ChatOutput {
  /** The tools that the model may call. */
  readonly tools: readonly ChatTool[];
  readonly calls: CallPlace;
  /** @throws {RequestError} `invalid_output` when a text that the model ended by itself is not valid */
  readonly assertContent: ((text: string) => void) | undefined;
  /** Whether the constraint applies to the first token, which leaves no room for thoughts. */
  readonly isBare: boolean;
  readonly grammar: Grammar | undefined;
}

/**
 * Derives the output from a request.
 *
 * @param tools the tools in the prompt
 * @throws {RequestError} when the grammar cannot be compiled, or exceeds a limit
 */
export async function toChatOutput(
  request: ChatRequest,
  constraint: TextConstraint,
  tools: readonly ChatTool[],
  thoughts: ChatGrammarOptions['thoughts'],
): Promise<ChatOutput> {
  const { tool_choice: choice, parallel_tool_calls: parallel } = request;
  const callable =
    typeof choice === 'object' ? tools.filter((tool) => tool.function.name === choice.function.name) : tools;
  const mustCall = choice === 'required' || typeof choice === 'object';
  const callPlace = mustCall || constraint.kind === 'json' ? 'insteadOfContent' : 'anywhere';
  const calls = callable.length === 0 ? 'none' : callPlace;
  if (constraint.kind !== 'none' && constraint.kind !== 'json') {
    assertTogether(
      callable.length === 0,
      constraint.param,
      `'${constraint.param}' cannot be used with 'tools'.`,
    );
    const { gbnf, assertValid: assertContent } = await toTextOutput(constraint);
    return {
      tools: callable,
      calls,
      assertContent,
      isBare: true,
      grammar: gbnf === undefined ? undefined : { gbnf },
    };
  }
  const json = constraint.kind === 'json' ? constraint.schema : undefined;
  const param = constraint.kind === 'json' ? constraint.param : 'tools';
  return {
    tools: callable,
    calls,
    assertContent: json === undefined ? undefined : (text) => assertValid(json, text),
    isBare: false,
    grammar:
      callable.length === 0 && json === undefined
        ? undefined
        : await compileGrammar({
            kind: 'chat',
            options: { tools: callable, mustCall, parallel, json, thoughts },
            tools: request.tools ?? [],
            param,
          }),
  };
}
