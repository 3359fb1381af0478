// From a conversation to the request that continues it.
import type { Conversation, Message } from './conversations.ts';

/** A request of `POST /v1/chat/completions` or `POST /v1/completions`. */
export interface ApiRequest {
  readonly path: '/v1/chat/completions' | '/v1/completions';
  readonly body: Readonly<Record<string, unknown>>;
}

export interface RequestOptions {
  readonly model: string;
  /** The alternatives to each token; 0 asks for no probabilities. */
  readonly alternatives: number;
}

/**
 * Builds the request for the next answer, without the fields of a stream.
 *
 * @throws {Error} with a line for people, when the schema or the tools are not JSON
 */
export function toRequest(conversation: Conversation, { model, alternatives }: RequestOptions): ApiRequest {
  const { mode, system, messages, settings } = conversation;
  const schema = parseField('The JSON schema', conversation.schema);
  const common = {
    ...settings,
    ...(schema !== undefined && {
      response_format: { type: 'json_schema', json_schema: { name: 'answer', schema, strict: true } },
    }),
  };
  if (mode === 'completion') {
    const prompt = messages.findLast(({ role }) => role === 'user')?.content ?? '';
    const body = { model, prompt, ...common, ...(alternatives > 0 && { logprobs: alternatives }) };
    return { path: '/v1/completions', body };
  }
  const tools = parseField('The list of tools', conversation.tools);
  return {
    path: '/v1/chat/completions',
    body: {
      model,
      messages: [
        ...(system.trim() === '' ? [] : [{ role: 'system', content: system }]),
        ...messages.map(toChatMessage),
      ],
      ...common,
      ...(tools !== undefined && { tools }),
      ...(alternatives > 0 && { logprobs: true, top_logprobs: alternatives }),
    },
  };
}

function toChatMessage({ role, content, toolCalls, toolCallId }: Message): object {
  return {
    role,
    content,
    ...(toolCalls?.length && {
      tool_calls: toolCalls.map(({ id, name, arguments: args }) => ({
        id,
        type: 'function',
        function: { name, arguments: args },
      })),
    }),
    ...(toolCallId !== undefined && { tool_call_id: toolCallId }),
  };
}

function parseField(name: string, text: string): unknown {
  if (text.trim() === '') return undefined;
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Error(`${name} is not JSON: ${error instanceof Error ? error.message : String(error)}.`);
  }
}
