// Sends requests to the endpoints with a fake engine.

import { chat } from '../../../src/api/chat/chat.ts';
import type { ChatChunk, ChatCompletion } from '../../../src/api/chat/chat-completion.ts';
import type { Completion, CompletionChunk } from '../../../src/api/completions/completion.ts';
import { complete } from '../../../src/api/completions/completions.ts';
import type { ModelService } from '../../../src/api/service.ts';
import { ChatTemplate } from '../../../src/chat/chat-template.ts';
import { openChatLibrary } from '../../../src/engine/llama/open-chat-library.ts';
import type { RequestContext } from '../../../src/generation/context.ts';
import { consoleLog } from '../../../src/telemetry/log.ts';
import type { FakeEngine } from '../fake-engine.ts';

export const model = 'fake-1b';

export function toContext(context: Partial<RequestContext> = {}): RequestContext {
  return {
    id: 'a1-b2',
    receivedAt: new Date('2026-11-24T12:00:00Z'),
    seed: 7,
    coldStart: true,
    signal: new AbortController().signal,
    log: consoleLog,
    ...context,
  };
}

export function toTemplate(chatTemplate: string): ChatTemplate {
  return new ChatTemplate({ chatTemplate, bosToken: '<s>', eosToken: '</s>', openLibrary: openChatLibrary });
}

/** Requests a whole completion. */
export async function askWhole(
  body: object,
  engine: FakeEngine,
  context?: Partial<RequestContext>,
): Promise<Completion> {
  return (await complete(body, { engine, model }, toContext(context))) as Completion;
}

/** Requests a completion in chunks. */
export async function askStreamed(
  body: object,
  engine: FakeEngine,
  context?: Partial<RequestContext>,
): Promise<CompletionChunk[]> {
  const answer = await complete({ ...body, stream: true }, { engine, model }, toContext(context));
  return Array.fromAsync(answer as AsyncGenerator<CompletionChunk>);
}

type ChatService = Partial<ModelService> & { readonly engine: FakeEngine };

/** Requests a whole chat completion. */
export async function chatWhole(
  body: object,
  service: ChatService,
  context?: Partial<RequestContext>,
): Promise<ChatCompletion> {
  const answer = await chat({ model, ...body }, { model, ...service }, toContext(context));
  return answer as ChatCompletion;
}

/** Requests a chat completion in chunks. */
export async function chatStreamed(
  body: object,
  service: ChatService,
  context?: Partial<RequestContext>,
): Promise<ChatChunk[]> {
  const request = { model, stream: true, ...body };
  const answer = await chat(request, { model, ...service }, toContext(context));
  return Array.fromAsync(answer as AsyncGenerator<ChatChunk>);
}
