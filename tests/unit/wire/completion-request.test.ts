import { describe, expect, it } from 'vitest';
import { parseCompletionRequest } from '../../../functions/shared/wire/completion-request.ts';

describe('parseCompletionRequest', () => {
  it.each([
    [{ prompt: 7 }, "'prompt' must be a string, not 7."],
    [{ prompt: 'a', max_tokens: 0 }, "'max_tokens' must be at least 1, not 0."],
    [{ prompt: 'a', max_tokens: 1.5 }, "'max_tokens' must be a whole number, not 1.5."],
    [{ prompt: 'a', top_p: 1.5 }, "'top_p' must be at most 1, not 1.5."],
    [{ prompt: 'a', repeat_penalty: 0 }, "'repeat_penalty' must be more than 0, not 0."],
    [{ prompt: 'a', temperature: '1' }, "'temperature' must be a number, not a string."],
    [{ prompt: 'a', stop: 7 }, "'stop' must be a string or a list of strings, not 7."],
    [{ prompt: 'a', stop: '' }, "'stop' must be a text that is not empty, not an empty string."],
    [{ prompt: 'a', stop: ['b', ''] }, "'stop.1' must be a text that is not empty, not an empty string."],
    [{ prompt: 'a', stop: ['b', 7] }, "'stop.1' must be a string, not 7."],
    [{ prompt: 'a', stop: Array(17).fill('b') }, "'stop' must be a list of at most 16, not a list of 17."],
    [{}, "'prompt' is required."],
    [{ prompt: null }, "'prompt' is required."],
    [{ prompt: 'a', prompts: 'b' }, "'prompts' is not a known parameter."],
    [{ prompt: 'a', __proto__x: 1 }, "'__proto__x' is not a known parameter."],
    [{ prompt: 'a', stream: 'yes' }, "'stream' must be a boolean, not a string."],
    [{ prompt: 'a', stream_options: {} }, "'stream_options' is only for requests with 'stream': true."],
    [{ prompt: 'a', stream: true, stream_options: { usage: true } }, "'usage' is not a known parameter."],
    [{ prompt: 'a', unknown: null }, "'unknown' is not a known parameter."],
    [{ prompt: 'a', echo: false }, "'echo' is not supported."],
    [{ prompt: 'a', seed: 2 ** 60 }, "'seed' must be at most 9007199254740991"],
  ])('refuses %j', (body, message) => {
    expect(() => parseCompletionRequest(body)).toThrow(message);
  });

  it('quotes no text of the caller', () => {
    expect(() => parseCompletionRequest({ prompt: ['private words'] })).toThrow(/^((?!private).)*$/);
  });

  it('takes a field that is null as absent, and one stop string as a list', () => {
    expect(parseCompletionRequest({ prompt: 'a', max_tokens: null, logprobs: null, stop: 'b' })).toEqual({
      prompt: 'a',
      max_tokens: 16,
      temperature: 1,
      top_p: 1,
      top_k: 0,
      min_p: 0,
      repeat_penalty: 1,
      stream: false,
      stop: ['b'],
    });
  });
});
