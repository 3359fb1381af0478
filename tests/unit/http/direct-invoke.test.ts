import { describe, expect, it } from 'vitest';
import { answerDirectInvoke } from '../../../src/http/direct-invoke.ts';
import { readEvent } from '../../events.ts';
import { FakeEmbedder } from '../api/fake-embedder.ts';
import { model, toContext } from '../api/fake-service.ts';
import { templates } from '../chat/templates.ts';
import { FakeEngine } from '../fake-engine.ts';

function invoke(event: unknown, ability: 'embed' | 'rank' = 'embed') {
  const embedder = new FakeEmbedder(
    ability === 'rank' ? { type: 'rank' } : { type: 'embed', dimensions: 4, matryoshka: false },
  );
  const service = {
    engine: new FakeEngine(' Paris.', { contextSize: 200 }),
    model,
    chatTemplate: templates.chatMl,
    embedder,
  };
  return answerDirectInvoke(event, service, toContext());
}

describe('a direct invoke', () => {
  it.each([
    ['a completion', { prompt: 'Hi' }, { object: 'text_completion' }],
    ['a chat', { model, messages: [{ role: 'user', content: 'Hi' }] }, { object: 'chat.completion' }],
    [
      'a chat with a prompt beside the messages',
      { prompt: 'Hi', messages: [{ role: 'user', content: 'Hi' }] },
      { object: 'chat.completion' },
    ],
    ['a completion with empty messages', { prompt: 'Hi', messages: [] }, { object: 'text_completion' }],
    ['embeddings', { input: 'text' }, { object: 'list', data: [{ object: 'embedding' }] }],
    ['embeddings of texts', { input: ['text'], encoding_format: 'float' }, { object: 'list' }],
    [
      'decisions',
      { input: 'A rose.', questions: [{ type: 'predicate', instructions: 'It is red.' }] },
      { answers: [{ type: 'predicate' }] },
    ],
    ['a response to items', { input: [{ role: 'user', content: 'Hi' }] }, { object: 'response' }],
    ['a response with instructions', { input: 'Hi', instructions: 'Be brief.' }, { object: 'response' }],
    ['a response by its path', readEvent('responses'), { object: 'response' }],
    [
      'a message by its path',
      { path: '/v1/messages', messages: [{ role: 'user', content: 'Hi' }], max_tokens: 4 },
      { type: 'message' },
    ],
    ['embeddings by their path', { path: '/v1/embeddings', input: 'Hi', text: 1 }, { object: 'list' }],
    ['tokens by their path', { path: '/tokenize', content: 'Hi' }, { tokens: [72, 105] }],
    ['a completion in another format', { path: '/completion', prompt: 'Hi' }, { content: ' Paris.' }],
    [
      "a chat in Ollama's format, whole although a stream is its default",
      { path: '/api/chat', messages: [{ role: 'user', content: 'Hi' }], stream: null },
      { message: { content: ' Paris.' }, done: true, done_reason: 'stop' },
    ],
    [
      "an answer in Ollama's format",
      { path: '/api/generate', prompt: 'Hi', raw: true },
      { response: ' Paris.', done: true },
    ],
    [
      "an embedding in Ollama's format",
      { path: '/api/embed', input: 'Hi' },
      { embeddings: [[0, 0, 0, 0].map(() => expect.any(Number))] },
    ],
    ['a completion with an empty path', { path: '', prompt: 'Hi' }, { object: 'text_completion' }],
    [
      "a completion with 'stream' set to false",
      { prompt: 'Hi', stream: false },
      { object: 'text_completion' },
    ],
  ])('returns %s', async (_, event, answer) => {
    expect(await invoke(event)).toMatchObject(answer);
  });

  it('returns a ranking', async () => {
    expect(await invoke({ query: 'a', documents: ['a', 'b'] }, 'rank')).toMatchObject({
      results: [{ index: 0 }, { index: 1 }],
    });
  });

  it.each([
    [{ prompt: 'Hi', stream: true }, 'unsupported_parameter', 'stream'],
    [{ model, messages: [{ role: 'user', content: 'Hi' }], stream: true }, 'unsupported_parameter', 'stream'],
    [{ prompt: 'Hi', stream: 'yes' }, 'invalid_value', 'stream'],
    [{ path: '/v1/responses', input: 'Hi', stream: true }, 'unsupported_parameter', 'stream'],
    [{ input: 'Hi', previous_response_id: 'resp_1' }, 'unsupported_parameter', 'previous_response_id'],
    [{ path: '/v1/chat/completions', prompt: 'Hi' }, 'missing_required_parameter', 'messages'],
    [{ path: '/api/chat', messages: [], stream: true }, 'unsupported_parameter', 'stream'],
    [{ path: '/api/generate', prompt: 'Hi', options: { top_p: 2 } }, 'invalid_value', 'options.top_p'],
    [{ path: '/v1/nothing', prompt: 'Hi' }, 'unknown_url', null],
    [{ path: '/v1/models' }, 'method_not_allowed', null],
    [{ path: 7, prompt: 'Hi' }, 'invalid_value', 'path'],
    [{ messages: null }, 'missing_required_parameter', 'messages'],
    [{ messages: [] }, 'invalid_value', 'messages'],
    [Object.create({ messages: [] }), 'missing_required_parameter', 'prompt'],
    [null, 'invalid_value', null],
    ['Hi', 'invalid_value', null],
    [[{ prompt: 'Hi' }], 'invalid_value', null],
  ])('rejects %j with %s', async (event, code, param) => {
    await expect(invoke(event)).rejects.toMatchObject({ code, param });
  });

  it('rejects as many fields as a request over HTTP cannot have', async () => {
    const messages = Array(65_536).fill({});
    await expect(invoke({ messages })).rejects.toThrow('at most 65536 fields, lists and objects');
  });
});
