// The output of a chat: text, JSON of a schema or tool calls, and the format in which the model writes them.
import { type ChatFormat, findChatFormat, ToolSchemaError } from '../../chat/chat-format.ts';
import type { ChatTemplate, RenderedPrompt } from '../../chat/chat-template.ts';
import type { ChatTool } from '../../chat/conversation.ts';
import { RequestError } from '../../errors/request-error.ts';
import { assertValid, buildGrammarFor } from '../json-output.ts';
import { assertTogether } from '../request-body.ts';
import type { TextConstraint } from '../text-constraint.ts';
import type { ChatRequest } from './chat-request.ts';

export interface ChatOutput {
  /** The tools that the model may call. */
  readonly tools: readonly ChatTool[];
  /** Whether the model must call one of them. */
  readonly mustCall: boolean;
  /** @throws {RequestError} `invalid_output` when a text that the model ended by itself is not valid */
  readonly assertContent: ((text: string) => void) | undefined;
  readonly format: ChatFormat;
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
  { template, rendered }: { readonly template: ChatTemplate; readonly rendered: RenderedPrompt },
): ChatOutput {
  const { tool_choice: choice, parallel_tool_calls: parallel } = request;
  const isNamed = typeof choice === 'object';
  const callable = isNamed ? tools.filter((tool) => tool.function.name === choice.function.name) : tools;
  if (constraint.kind === 'text') {
    assertTogether(
      callable.length === 0,
      constraint.param,
      `'${constraint.param}' cannot be used with 'tools'.`,
    );
    const { gbnf, assertValid: assertContent } = constraint;
    // It constrains the first token, which leaves no room for thoughts.
    const reader = { parser: undefined, thoughts: undefined, openedThoughts: '', mayCall: false };
    const grammar = gbnf === undefined ? undefined : { gbnf };
    return {
      tools: callable,
      mustCall: false,
      assertContent,
      format: { reader, grammar, marks: [], stops: [] },
    };
  }
  const json = constraint.kind === 'json' ? constraint.schema : undefined;
  const param = constraint.kind === 'json' ? constraint.param : 'tools';
  const mustCall = choice === 'required' || isNamed;
  const find = () =>
    findChatFormat(template, rendered, {
      tools: callable,
      mustCall,
      // A named function is called once.
      parallel: parallel && !isNamed,
      json,
    });
  return {
    tools: callable,
    mustCall,
    assertContent: json === undefined ? undefined : (text) => assertValid(json, text),
    format: buildGrammarFor(param, () => buildWithTools(request.tools ?? [], find)),
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
