// The output of a chat: text, JSON of a schema or tool calls, and the grammar that enforces it.
import { type ChatGrammarOptions, toChatGrammar } from '../../chat/chat-grammar.ts';
import type { CallPlace } from '../../chat/chat-text.ts';
import type { ChatTool } from '../../chat/conversation.ts';
import { ToolSchemaError } from '../../chat/tool-syntax.ts';
import type { Grammar } from '../../engine/engine.ts';
import { RequestError } from '../../errors/request-error.ts';
import { assertValid, buildGrammarFor } from '../json-output.ts';
import { assertTogether } from '../request-body.ts';
import type { TextConstraint } from '../text-constraint.ts';
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
 * @throws {RequestError} `unsupported_schema` when a schema is malformed, or no value matches it
 */
export function toChatOutput(
  request: ChatRequest,
  constraint: TextConstraint,
  tools: readonly ChatTool[],
  thoughts: ChatGrammarOptions['thoughts'],
): ChatOutput {
  const { tool_choice: choice, parallel_tool_calls: parallel } = request;
  const callable =
    typeof choice === 'object' ? tools.filter((tool) => tool.function.name === choice.function.name) : tools;
  const mustCall = choice === 'required' || typeof choice === 'object';
  const callPlace = mustCall || constraint.kind === 'json' ? 'insteadOfContent' : 'anywhere';
  const calls = callable.length === 0 ? 'none' : callPlace;
  if (constraint.kind === 'text') {
    assertTogether(
      callable.length === 0,
      constraint.param,
      `'${constraint.param}' cannot be used with 'tools'.`,
    );
    const { gbnf, assertValid: assertContent } = constraint;
    return {
      tools: callable,
      calls,
      assertContent,
      isBare: true,
      grammar: gbnf === undefined ? undefined : { gbnf },
    };
  }
  const json = constraint.kind === 'json' ? constraint.schema : undefined;
  const build = (allowed: readonly ChatTool[]) =>
    toChatGrammar({ tools: allowed, mustCall, parallel, json, thoughts });
  const param = constraint.kind === 'json' ? constraint.param : 'tools';
  return {
    tools: callable,
    calls,
    assertContent: json === undefined ? undefined : (text) => assertValid(json, text),
    isBare: false,
    grammar: buildGrammarFor(param, () => buildWithTools(request.tools ?? [], () => build(callable))),
  };
}

function buildWithTools<Result>(tools: readonly ChatTool[], build: () => Result): Result {
  try {
    return build();
  } catch (error) {
    if (!(error instanceof ToolSchemaError)) throw error;
    const param = `tools.${tools.indexOf(error.tool)}.function.parameters`;
    throw new RequestError('unsupported_schema', error.message, { param });
  }
}
