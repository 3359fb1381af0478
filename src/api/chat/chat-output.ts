// The output of a chat: text, JSON of a schema or tool calls, and the format in which the model writes them.
import { type ChatFormat, findChatFormat, toPlainFormat } from '../../chat/chat-format.ts';
import type { ChatTemplate, RenderedPrompt } from '../../chat/chat-template.ts';
import type { ChatTool } from '../../chat/conversation.ts';
import { compileGrammar } from '../grammar/compile-grammar.ts';
import { assertValid } from '../json-output.ts';
import { assertTogether } from '../request-body.ts';
import { type TextConstraint, toTextOutput } from '../text-constraint.ts';
import type { ChatRequest } from './chat-request.ts';

export interface ChatOutput {
  /** The tools that the model may call. */
  readonly tools: readonly ChatTool[];
  /** Whether the model must call one of them. */
  readonly mustCall: boolean;
  /** @throws {RequestError} `invalid_output` when a text that the model ended by itself is not valid */
  readonly assertContent: ((text: string) => void) | undefined;
  readonly format: ChatFormat;
  /** The field of the request that the grammar of the format is made of. */
  readonly param: string;
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
  { template, rendered }: { readonly template: ChatTemplate; readonly rendered: RenderedPrompt },
): Promise<ChatOutput> {
  const { tool_choice: choice, parallel_tool_calls: parallel } = request;
  const isNamed = typeof choice === 'object';
  const mustCall = choice === 'required' || isNamed;
  const callable = isNamed ? tools.filter((tool) => tool.function.name === choice.function.name) : tools;
  if (constraint.kind !== 'none' && constraint.kind !== 'json') {
    assertTogether(
      callable.length === 0,
      constraint.param,
      `'${constraint.param}' cannot be used with 'tools'.`,
    );
    const { gbnf, assertValid: assertContent } = await toTextOutput(constraint);
    // It constrains the first token, which leaves no room for thoughts.
    const format = toPlainFormat(gbnf);
    return { tools: callable, mustCall: false, assertContent, format, param: constraint.param };
  }
  const isJson = constraint.kind === 'json';
  const json = isJson ? constraint.schema : undefined;
  const param = isJson ? constraint.param : 'tools';
  const toolNames = (request.tools ?? []).map((tool) => tool.function.name);
  const schemas =
    callable.length === 0 && !isJson
      ? undefined
      : await compileGrammar({ kind: 'chat', schemas: { tools: callable, json }, toolNames, param });
  return {
    tools: callable,
    mustCall,
    assertContent: isJson ? (text) => assertValid(json, text, param) : undefined,
    format: await findChatFormat(template, rendered, {
      tools: callable,
      mustCall,
      // A named function is called once.
      parallel: parallel && !isNamed,
      isJson,
      schemas: schemas?.gbnf ?? '',
      compile: async (answer) => (await compileGrammar({ kind: 'answer', answer, param }))?.gbnf ?? '',
    }),
    param,
  };
}
