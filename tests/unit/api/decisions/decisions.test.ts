import { describe, expect, it } from 'vitest';
import type { Decision } from '../../../../src/api/decisions/decision.ts';
import { decisions } from '../../../../src/api/decisions/decisions.ts';
import type { ModelService } from '../../../../src/api/service.ts';
import { EngineBusyError } from '../../../../src/engine/engine.ts';
import type { RequestContext } from '../../../../src/generation/context.ts';
import { ForeignFields } from '../../../../src/generation/foreign-fields.ts';
import { FakeEngine, type FakeEngineOptions } from '../../fake-engine.ts';
import { model, toContext, toTemplate } from '../fake-service.ts';

const template = toTemplate(
  "{% for m in messages %}<{{ m['role'] }}>{{ m['content'] }}\n{% endfor %}{% if add_generation_prompt %}<assistant>{% endif %}",
);
const thinking = toTemplate("{% for m in messages %}{{ m['content'] }}{% endfor %}<think>\n{# </think> #}");

const predicate = { type: 'predicate', instructions: 'It is red.' };
const choice = {
  type: 'choice',
  name: 'colour',
  instructions: 'Which colour?',
  choices: [{ value: 'red' }, { value: 'blue', description: 'as the sky' }],
};
const score = {
  type: 'score',
  instructions: 'How red?',
  levels: [{ label: 'low' }, { label: 'medium' }, { label: 'high' }],
};

interface Options extends Partial<ModelService> {
  readonly context?: Partial<RequestContext>;
}

function ask(body: object, engine = new FakeEngine('', { contextSize: 2048 }), options: Options = {}) {
  const { context, ...service } = options;
  const request = { input: 'A rose.', questions: [predicate], ...body };
  const answer = decisions.answer(
    request,
    { engine, model, chatTemplate: template, ...service },
    toContext(context),
  );
  return answer as Promise<Decision>;
}

/** An engine whose continuations have these probabilities, by their text. */
function engineWith(
  probabilities: Readonly<Record<string, number>>,
  options: FakeEngineOptions = {},
): FakeEngine {
  return new FakeEngine('', {
    contextSize: 2048,
    branchLogprob: (_, continuation) => Math.log(probabilities[continuation] ?? 0),
    ...options,
  });
}

const texts = (engine: FakeEngine) => {
  const [request] = engine.branchRequests;
  return {
    prompt: engine.detokenize(request?.prompt ?? []),
    branches: request?.branches.map(({ tokens }) => engine.detokenize(tokens)),
  };
};

describe('a decisions request', () => {
  it('is answered in the order of its questions, without generating', async () => {
    const engine = new FakeEngine('', { contextSize: 2048 });

    const { answers, model: name, usage } = await ask({ questions: [choice, predicate, score] }, engine);

    expect(answers.map(({ type }) => type)).toEqual(['choice', 'predicate', 'score']);
    expect(answers.map((answer) => answer.name)).toEqual(['colour', null, null]);
    expect(name).toBe(model);
    expect(engine.requests).toEqual([]);
    expect(engine.branchRequests).toHaveLength(1);
    expect(usage).toMatchObject({ output_tokens: 0, input_tokens_details: { cached_tokens: 3 } });
  });

  it('counts the input once, and each question', async () => {
    const engine = new FakeEngine('', { contextSize: 2048 });
    const { usage } = await ask({ questions: [predicate, score] }, engine);

    const [request] = engine.branchRequests;
    const branches = request?.branches.reduce((sum, { tokens }) => sum + tokens.length, 0) ?? 0;
    expect(usage.input_tokens).toBe((request?.prompt.length ?? 0) + branches);
    expect(usage.total_tokens).toBe(usage.input_tokens);
  });

  it('evaluates the input once, and behind it each question as the last message', async () => {
    const engine = new FakeEngine('', { contextSize: 2048 });
    const other = { type: 'predicate', instructions: 'Has it thorns?' };

    await ask({ questions: [predicate, other] }, engine);

    const beginning = 'Is this true of the above? Answer Yes or No.\n';
    expect(texts(engine)).toEqual({
      prompt: '<user>A rose.\n\n',
      branches: [`${beginning}It is red.\n<assistant>`, `${beginning}Has it thorns?\n<assistant>`],
    });
  });

  it('asks about messages, calls and their outputs', async () => {
    const engine = new FakeEngine('', { contextSize: 2048 });
    const input = [
      { role: 'developer', content: [{ type: 'input_text', text: 'Be kind.' }] },
      {
        type: 'message',
        role: 'user',
        content: [
          { type: 'input_text', text: 'Hi' },
          { type: 'input_json', data: { a: 1 } },
        ],
      },
      { role: 'assistant', content: [{ type: 'output_text', text: 'Ho' }], phase: 'final_answer' },
      { type: 'function_call', call_id: 'c1', name: 'look', arguments: '{"at":"it"}' },
      { type: 'function_call_output', call_id: 'c1', output: 'a rose' },
    ];

    await ask({ input }, engine);

    const { prompt } = texts(engine);
    expect(prompt).toMatch(/^<system>Be kind\.\n<user>Hi\n\{"a":1\}\n<assistant>Ho\n/);
    expect(prompt).toContain('"look"');
    expect(prompt).toContain('a rose');
    expect(prompt).toMatch(/<user>$/);
  });

  it('reuses what was cached for the same caller, where callers are separated', async () => {
    const engine = new FakeEngine('', { contextSize: 2048 });

    await ask({}, engine, { separatesCaches: true, context: { tenant: 'a' } });
    await ask({}, engine, { context: { tenant: 'a' } });

    expect(engine.branchRequests.map(({ cacheScope }) => cacheScope)).toEqual(['a', undefined]);
  });

  it('keeps the texts of control tokens in a question text', async () => {
    const engine = new FakeEngine('', { contextSize: 2048, properties: { bosToken: '<bos>' } });
    const instructions = 'Is <bos> in it?';

    await ask({ questions: [{ type: 'predicate', instructions }] }, engine);

    const { tokens = [] } = engine.branchRequests[0]?.branches[0] ?? {};
    expect(engine.detokenize(tokens)).toContain(instructions);
    expect(tokens).not.toContain(engine.tokenizeText('<bos>', { special: true })[0]);
  });

  it('closes the thoughts that a template always starts', async () => {
    const engine = new FakeEngine('', { contextSize: 2048 });

    await ask({}, engine, { chatTemplate: thinking });

    expect(texts(engine).branches?.[0]).toMatch(/<think>\n\n<\/think>\n\n$/);
  });

  it('is answered in a batch and over HTTP under its path', async () => {
    const { findRoute } = await import('../../../../src/http/routes.ts');

    expect(findRoute('/v1/decisions')?.methods).toHaveProperty('POST');
  });
});

describe('a predicate', () => {
  it('has the share of yes in yes and no', async () => {
    const { answers } = await ask({}, engineWith({ Yes: 0.3, No: 0.1, maybe: 0.5 }));

    expect(answers).toEqual([{ type: 'predicate', name: null, probability: expect.closeTo(0.75) }]);
  });
});

describe('a choice', () => {
  it('is the likeliest, with the probabilities of all', async () => {
    const { answers } = await ask({ questions: [choice] }, engineWith({ red: 0.02, Blue: 0.06 }));

    expect(answers).toEqual([
      {
        type: 'choice',
        name: 'colour',
        choice: 'blue',
        confidence: expect.closeTo(0.75),
        probabilities: [
          { value: 'red', probability: expect.closeTo(0.25) },
          { value: 'blue', probability: expect.closeTo(0.75) },
        ],
      },
    ]);
  });

  it('adds up all writings of a choice', async () => {
    const questions = [{ ...choice, choices: [{ value: 'a' }, { value: 'b' }] }];
    const { answers } = await ask({ questions }, engineWith({ a: 0.1, A: 0.2, b: 0.05, B: 0.05, ' a': 0.9 }));

    expect(answers[0]).toMatchObject({ choice: 'a', confidence: expect.closeTo(0.75) });
  });

  it('tells its descriptions', async () => {
    const engine = new FakeEngine('', { contextSize: 2048 });
    await ask({ questions: [choice] }, engine);

    expect(texts(engine).branches?.[0]).toContain('Which colour?\n- red\n- blue: as the sky\n');
  });

  it('tells a boolean from a text of the same letters', async () => {
    const questions = [{ ...choice, choices: [{ value: true }, { value: 'true' }, { value: 'other' }] }];
    const engine = engineWith({ true: 0.1, '"true"': 0.3, other: 0.1 });

    const { answers } = await ask({ questions }, engine);

    expect(answers[0]).toMatchObject({
      choice: 'true',
      probabilities: [
        { value: true, probability: expect.closeTo(0.2) },
        { value: 'true', probability: expect.closeTo(0.6) },
        { value: 'other', probability: expect.closeTo(0.2) },
      ],
    });
  });

  it('counts a text that begins with two choices for the longer one', async () => {
    const questions = [{ ...choice, choices: [{ value: 'New' }, { value: 'New York' }] }];
    const engine = engineWith({ New: 0.4, 'New York': 0.3 });

    const { answers } = await ask({ questions }, engine);

    expect(answers[0]).toMatchObject({ choice: 'New York', confidence: expect.closeTo(0.75) });
  });

  it('leaves out writings that are those of another choice', async () => {
    const questions = [{ ...choice, choices: [{ value: 'us' }, { value: 'US' }] }];
    const engine = engineWith({ us: 0.1, US: 0.3, Us: 0.4 });

    const { answers } = await ask({ questions }, engine);

    expect(answers[0]).toMatchObject({ choice: 'US', confidence: expect.closeTo(0.75) });
  });

  it('has probabilities that add up to one, however unlikely all of them are', async () => {
    const engine = new FakeEngine('', {
      contextSize: 2048,
      branchLogprob: (_, { length }) => -2000 - length,
    });

    const { answers } = await ask({ questions: [choice] }, engine);

    const [answer] = answers;
    const sum =
      answer?.type === 'choice' ? answer.probabilities.reduce((all, each) => all + each.probability, 0) : 0;
    expect(sum).toBeCloseTo(1);
  });
});

describe('a score', () => {
  it('is the mean of the indexes of its levels', async () => {
    const { answers } = await ask({ questions: [score] }, engineWith({ low: 0.1, medium: 0.1, high: 0.2 }));

    expect(answers).toEqual([
      {
        type: 'score',
        name: null,
        score: expect.closeTo(1.25),
        confidence: expect.closeTo(0.5),
        probabilities: [
          { label: 'low', value: 0, probability: expect.closeTo(0.25) },
          { label: 'medium', value: 1, probability: expect.closeTo(0.25) },
          { label: 'high', value: 2, probability: expect.closeTo(0.5) },
        ],
      },
    ]);
  });
});

describe('an invalid decisions request', () => {
  const image = { type: 'input_image', image_url: 'data:image/png;base64,AA==' };

  it.each([
    ['without an input', { input: undefined }, 'input'],
    ['with an empty input', { input: '' }, 'input'],
    ['without questions', { questions: [] }, 'questions'],
    ['with 401 questions', { questions: new Array(401).fill(predicate) }, 'questions'],
    ['with an unknown kind of question', { questions: [{ ...predicate, type: 'rank' }] }, 'questions.0.type'],
    ['without instructions', { questions: [{ type: 'predicate' }] }, 'questions.0.instructions'],
    ['with one choice', { questions: [{ ...choice, choices: [{ value: 'a' }] }] }, 'questions.0.choices'],
    [
      'with 256 choices',
      {
        questions: [
          { ...choice, choices: Array.from({ length: 256 }, (_, index) => ({ value: `c${index}` })) },
        ],
      },
      'questions.0.choices',
    ],
    [
      'with a choice twice',
      { questions: [predicate, { ...choice, choices: [{ value: 'a' }, { value: 'b' }, { value: 'a ' }] }] },
      'questions.1.choices.2',
    ],
    [
      'with a blank level',
      { questions: [{ ...score, levels: [{ label: 'low' }, { label: ' ' }] }] },
      'questions.0.levels.1.label',
    ],
    [
      'with too many choices together',
      {
        questions: Array.from({ length: 10 }, () => ({
          ...choice,
          choices: Array.from({ length: 250 }, (_, index) => ({ value: `c${index}` })),
        })),
      },
      'questions',
    ],
    [
      'with an output of no call',
      { input: [{ type: 'function_call_output', call_id: 'x', output: 'y' }] },
      'input.0.call_id',
    ],
    ['with an image', { input: [{ role: 'user', content: [image] }] }, 'input.0.content'],
    [
      'with an image in a question',
      { questions: [{ ...predicate, instructions: [image] }] },
      'questions.0.instructions',
    ],
    ['with an input of another type', { input: 5 }, 'input'],
  ])('%s names the field', async (_, body, param) => {
    await expect(ask(body)).rejects.toMatchObject({ status: 400, param });
  });

  it('that does not fit the context names the question', async () => {
    const engine = new FakeEngine('', { contextSize: 200 });
    const long = { ...predicate, instructions: 'x'.repeat(150) };

    await expect(ask({ questions: [predicate, long] }, engine)).rejects.toMatchObject({
      code: 'context_length_exceeded',
      param: 'questions.1',
    });
    await expect(ask({ input: 'x'.repeat(200) }, engine)).rejects.toMatchObject({
      code: 'context_length_exceeded',
      param: 'input',
    });
  });

  it('is rejected by a model without a chat template', async () => {
    await expect(ask({}, undefined, { chatTemplate: undefined })).rejects.toMatchObject({
      status: 400,
      param: 'input',
    });
  });
});

describe('the fields of other servers', () => {
  it('are ignored, and told', async () => {
    const foreignFields = new ForeignFields();

    await ask(
      {
        prompt_cache_key: 'k',
        prompt_cache_options: { mode: 'explicit' },
        safety_identifier: 's',
        seed: 5,
        questions: [{ ...predicate, weight: 2 }],
      },
      undefined,
      { context: { foreignFields } },
    );

    expect(foreignFields.ignored).toBe('questions.0.weight, seed');
  });
});

describe('a decisions request that cannot be finished', () => {
  it('ends with the deadline', async () => {
    const engine = new FakeEngine('', {
      contextSize: 2048,
      beforeEvent: (_, __, signal) =>
        new Promise((resolve) => signal?.addEventListener('abort', resolve, { once: true })),
    });

    await expect(ask({}, engine, { context: { endBy: performance.now() + 5 } })).rejects.toMatchObject({
      code: 'deadline_exceeded',
      status: 504,
    });
  });

  it('ends with the reason of an abort', async () => {
    const reason = new Error('left');

    await expect(ask({}, undefined, { context: { signal: AbortSignal.abort(reason) } })).rejects.toBe(reason);
  });

  it('is refused when the queue is full', async () => {
    const engine = new FakeEngine('', {
      contextSize: 2048,
      beforeEvent: () => {
        throw new EngineBusyError(3);
      },
    });

    await expect(ask({}, engine)).rejects.toMatchObject({ code: 'server_busy', status: 429 });
  });
});
