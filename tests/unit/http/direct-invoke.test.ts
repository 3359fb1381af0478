import { describe, expect, it } from 'vitest';
import { answerDirectInvoke } from '../../../src/http/direct-invoke.ts';
import { FakeEmbedder } from '../api/fake-embedder.ts';
import { model, toContext } from '../api/fake-service.ts';
import { templates } from '../chat/templates.ts';
import { FakeEngine } from '../fake-engine.ts';

function invoke(event: unknown, ability: 'embed' | 'rank' = 'embed') {
  const embedder = new FakeEmbedder(
    ability === 'rank' ? { type: 'rank' } : { type: 'embed', dimensions: 4, matryoshka: false },
  );
  const service = { engine: new FakeEngine(), model, chatTemplate: templates.chatMl, embedder };
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
    [{ messages: null }, 'missing_required_parameter', 'messages'],
    [{ messages: [] }, 'invalid_value', 'messages'],
    [Object.create({ messages: [] }), 'missing_required_parameter', 'prompt'],
    [null, 'invalid_value', null],
    ['Hi', 'invalid_value', null],
    [[{ prompt: 'Hi' }], 'invalid_value', null],
  ])('rejects %j with %s', async (event, code, param) => {
    await expect(invoke(event)).rejects.toMatchObject({ code, param });
  });
});
