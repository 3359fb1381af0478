import { describe, expect, it } from 'vitest';
import {
  parseCompletionRequest,
  toPrompts,
  unsupportedFields,
} from '../../../../src/api/completions/completion-request.ts';
import { ForeignFields } from '../../../../src/generation/foreign-fields.ts';

const parseStrictly = (body: unknown) => parseCompletionRequest(body, new ForeignFields({ strict: true }));

describe('parseCompletionRequest', () => {
  it.each([
    [{ prompt: 7 }, 'prompt', "'prompt' must be a string or a list, not 7."],
    [{ prompt: [] }, 'prompt', "'prompt' must be a list of at least 1, not a list of 0."],
    [{ prompt: [[]] }, 'prompt.0', "'prompt.0' must be a list of at least 1, not a list of 0."],
    [{ prompt: ['a', 7] }, 'prompt.1', "'prompt.1' must be a string, not 7."],
    [{ prompt: [1, 'a'] }, 'prompt.1', "'prompt.1' must be a number, not a string."],
    [{ prompt: [1, -1] }, 'prompt.1', "'prompt.1' must be at least 0, not -1."],
    [{ prompt: [1, 1.5] }, 'prompt.1', "'prompt.1' must be a whole number, not 1.5."],
    [{ prompt: [[1], [2, 'a']] }, 'prompt.1.1', "'prompt.1.1' must be a number, not a string."],
    [
      { prompt: Array(129).fill('a') },
      'prompt',
      "'prompt' must be a list of at most 128, not a list of 129.",
    ],
    [{ prompt: 'a', max_tokens: -2 }, 'max_tokens', "'max_tokens' must be at least -1, not -2."],
    [{ prompt: 'a', max_tokens: 1.5 }, 'max_tokens', "'max_tokens' must be a whole number, not 1.5."],
    [{ prompt: 'a', top_p: 1.5 }, 'top_p', "'top_p' must be at most 1, not 1.5."],
    [{ prompt: 'a', repeat_penalty: 0 }, 'repeat_penalty', "'repeat_penalty' must be more than 0, not 0."],
    [{ prompt: 'a', temperature: '1' }, 'temperature', "'temperature' must be a number, not a string."],
    [{ prompt: 'a', stop: 7 }, 'stop', "'stop' must be a string or a list, not 7."],
    [{ prompt: 'a', stop: ['b', 7] }, 'stop.1', "'stop.1' must be a string, not 7."],
    [
      { prompt: 'a', stop: Array(257).fill('b') },
      'stop',
      "'stop' must be a list of at most 256, not a list of 257.",
    ],
    [{}, 'prompt', "'prompt' is required."],
    [{ prompt: null }, 'prompt', "'prompt' is required."],
    [{ prompt: 'a', prompts: 'b' }, 'prompts', "Unknown parameter 'prompts'."],
    [JSON.parse('{"prompt": "a", "__proto__": 1}'), '__proto__', "Unknown parameter '__proto__'."],
    [{ prompt: 'a', constructor: 1 }, 'constructor', "Unknown parameter 'constructor'."],
    [{ prompt: 'a', stream: 'yes' }, 'stream', "'stream' must be a boolean, not a string."],
    [
      { prompt: 'a', stream_options: { include_usage: true } },
      'stream_options',
      "'stream_options' needs 'stream': true.",
    ],
    [
      { prompt: 'a', stream: true, stream_options: { usage: true } },
      'stream_options.usage',
      "Unknown parameter 'stream_options.usage'.",
    ],
    [{ prompt: 'a', unknown: null }, 'unknown', "Unknown parameter 'unknown'."],
    [{ prompt: 'a', seed: 2 ** 65 }, 'seed', "'seed' must be at most 18446744073709552000"],
    [{ prompt: 'a', n: 0 }, 'n', "'n' must be at least 1, not 0."],
    [{ prompt: 'a', n: 129 }, 'n', "'n' must be at most 128, not 129."],
    [{ prompt: 'a', n: 3, best_of: 2 }, 'best_of', "'best_of' must be at least 'n', not 2: 'n' is 3."],
    [{ prompt: 'a', suffix: 'b', echo: true }, 'echo', "'echo' and 'suffix' cannot be used together."],
    [{ prompt: ['a'], suffix: 'b' }, 'suffix', "'suffix' needs a 'prompt' that is one text."],
    [
      { prompt: 'a', json_schema: 'a' },
      'json_schema',
      "'json_schema' must be a boolean or an object, not a string.",
    ],
    ...Object.keys(unsupportedFields).map((field) => [
      { prompt: 'a', [field]: 1 },
      field,
      `'${field}' is not supported`,
    ]),
    [[], null, 'The request must be a JSON object.'],
    ['a', null, 'The request must be a JSON object.'],
    [null, null, 'The request must be a JSON object.'],
  ] as [unknown, string | null, string][])('rejects %j under the strict rule', (body, param, message) => {
    expect(() => parseStrictly(body)).toThrow(
      expect.objectContaining({ status: 400, param, message: expect.stringContaining(message) }),
    );
  });

  it.each([
    { prompt: [{ text: 'private words' }] },
    { prompt: { text: 'private words' } },
    { prompt: 'a', stop: [['private words']] },
    { prompt: 'a', temperature: 'private words' },
    { prompt: 'a', grammar: { rule: 'private words' } },
  ])('quotes no text of the request: %j', (body) => {
    expect(() => parseCompletionRequest(body)).toThrow(/^((?!private).)*$/);
  });

  it('shortens a long name', () => {
    const name = 'x'.repeat(1000);

    for (const body of [
      { prompt: 'a', [name]: 1 },
      { prompt: 'a', logit_bias: { [name]: '1' } },
    ])
      expect(() => parseStrictly(body)).toThrow(/^.{1,120}$/);
  });

  it('ignores foreign fields at any depth', () => {
    const foreign = new ForeignFields();
    const body = JSON.parse(
      '{"prompt": "a", "prompts": "b", "__proto__": 1, "constructor": 1, "n_keep": 4, "unknown": null,' +
        ' "stream": true, "stream_options": {"include_usage": true, "usage": true}}',
    );

    expect(parseCompletionRequest(body, foreign)).toEqual({
      ...parseCompletionRequest({ prompt: 'a' }),
      stream: true,
      stream_options: { include_usage: true },
    });
    expect(foreign.ignored).toBe('prompts, __proto__, constructor, n_keep, stream_options.usage');
  });

  it.each([
    ['stop', [], ['', null, 'b'], ['b']],
    ['logit_bias', {}, [], {}],
    ['top_k', undefined, null, undefined],
    ['top_k', undefined, -1, -1],
    ['grammar', undefined, '', undefined],
    ['suffix', undefined, '', undefined],
    ['stream_options', undefined, {}, undefined],
    ['json_schema', undefined, {}, {}],
    ['seed', undefined, -1, undefined],
    ['logprobs', undefined, false, undefined],
    ['logprobs', undefined, 5, 5],
    ['mirostat_tau', 5, 4, 4],
    ['t_max_predict_ms', undefined, -1, undefined],
    ['temperature', undefined, 7.5, 7.5],
  ])('reads %s, by default %j, from %j as %j', (field, absent, given, parsed) => {
    const read = (fields: object) =>
      (parseCompletionRequest({ prompt: 'a', ...fields }) as Record<string, unknown>)[field];

    expect(read({})).toEqual(absent);
    expect(read({ [field]: given })).toEqual(parsed);
  });

  it('ignores fields that are null, and fills in the defaults', () => {
    const body = { prompt: 'a', max_tokens: null, logprobs: null, typical_p: null, n_keep: null, stop: 'b' };

    expect(parseCompletionRequest(body)).toEqual({
      prompt: 'a',
      echo: false,
      repeat_penalty: 1,
      repetition_penalty: 1,
      presence_penalty: 0,
      frequency_penalty: 0,
      logit_bias: {},
      dry_multiplier: 0,
      dry_base: 1.75,
      dry_allowed_length: 2,
      dry_penalty_last_n: -1,
      dry_sequence_breakers: ['\n', ':', '"', '*'],
      xtc_probability: 0,
      xtc_threshold: 0.1,
      typical_p: 1,
      top_n_sigma: -1,
      dynatemp_range: 0,
      dynatemp_exponent: 1,
      mirostat: 0,
      mirostat_tau: 5,
      mirostat_eta: 0.1,
      adaptive_target: -1,
      adaptive_decay: 0.9,
      min_keep: 0,
      min_tokens: 0,
      ignore_eos: false,
      stop: 'b',
      n: 1,
      stream: false,
      cache_prompt: true,
      return_tokens: false,
      timings_per_token: false,
    });
  });
});

describe('toPrompts', () => {
  it.each([
    ['a', ['a']],
    [
      ['a', 'b'],
      ['a', 'b'],
    ],
    [[1, 2], [[1, 2]]],
    [
      [[1], [2]],
      [[1], [2]],
    ],
  ])('lists the prompts of %j', (prompt, prompts) => {
    expect(toPrompts(prompt)).toEqual(prompts);
  });
});
