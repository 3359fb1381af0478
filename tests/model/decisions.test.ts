// Decisions by the default model, and the scores of branches that they are made of.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { tokenizeRendered } from '../../src/api/chat/chat-prompt.ts';
import type { Completion } from '../../src/api/completions/completion.ts';
import { complete } from '../../src/api/completions/completions.ts';
import type { Decision } from '../../src/api/decisions/decision.ts';
import { renderDecisionPrompt } from '../../src/api/decisions/decision-prompt.ts';
import { decisions } from '../../src/api/decisions/decisions.ts';
import { tokenizeQuestions } from '../../src/api/decisions/tokenized-questions.ts';
import type { ModelService } from '../../src/api/service.ts';
import { ChatTemplate } from '../../src/chat/chat-template.ts';
import { ControlMarks } from '../../src/chat/control-marks.ts';
import type { Branch, Token } from '../../src/engine/engine.ts';
import type { LlamaEngine } from '../../src/engine/llama/llama-engine.ts';
import { openChatLibrary } from '../../src/engine/llama/open-chat-library.ts';
import { consoleLog } from '../../src/telemetry/log.ts';
import { type Review, reviews } from './fixtures/reviews.ts';
import { generateOn, loadEngine } from './generation.ts';

const context = {
  id: 'a1-b2',
  receivedAt: new Date(),
  seed: 7,
  coldStart: false,
  signal: new AbortController().signal,
  log: consoleLog,
};

/** llama.cpp rounds a token differently in a batch of another size. */
const rounding = 0.05;

let engine: LlamaEngine;
let service: ModelService;

beforeAll(async () => {
  engine = await loadEngine({ rule: 'common' });
  const { chatTemplate = '', bosToken, eosToken } = engine.properties;
  const source = { chatTemplate, bosToken, eosToken, openLibrary: openChatLibrary };
  service = { engine, model: 'tiny', chatTemplate: new ChatTemplate(source) };
});

afterAll(() => engine[Symbol.asyncDispose]());

const toTokens = (text: string) => engine.tokenizeText(text, { special: true });

/** The log-probability of a continuation, token by token: each is forced, and scored before that. */
async function logprobAlone(prompt: readonly Token[], continuation: readonly Token[]): Promise<number> {
  let sum = 0;
  for (const [index, token] of continuation.entries()) {
    const { tokens } = await generateOn(engine, [...prompt, ...continuation.slice(0, index)], {
      maxTokens: 1,
      logprobs: 0,
      sampling: { logitBias: new Map([[token, 1000]]) },
    });
    expect(tokens[0]?.token).toBe(token);
    sum += tokens[0]?.score?.logprob ?? Number.NaN;
  }
  return sum;
}

const letter = 'The train was late again, and nobody told us why. The heating did not work either.';

function toBranches(): Branch[] {
  const toAnswers = (...texts: string[]) => texts.map(toTokens);
  return [
    { tokens: toTokens('\nIs the writer pleased? Answer:'), continuations: toAnswers(' Yes', ' No') },
    {
      tokens: toTokens('\nIs the writer angry? Answer:'),
      continuations: toAnswers(' Yes', ' No', ' Not at all'),
    },
    { tokens: toTokens('\nIt is about a'), continuations: toAnswers(' train', ' train journey', ' bus') },
  ];
}

describe('the scores of branches', () => {
  it('are those of each text alone', async () => {
    const prompt = engine.tokenize(letter);
    const branches = toBranches();

    const { logprobs, summary } = await engine.scoreBranches({ prompt, branches });

    expect(summary).toMatchObject({ completionTokens: 0, unevaluatedTokens: 0 });
    for (const [index, { tokens, continuations }] of branches.entries()) {
      for (const [place, continuation] of continuations.entries()) {
        const alone = await logprobAlone([...prompt, ...tokens], continuation);
        expect(Math.abs((logprobs[index]?.[place] ?? Number.NaN) - alone)).toBeLessThan(rounding);
      }
    }
  });

  it('are the same with several slots, which share no cells', async () => {
    await using several = await loadEngine({ rule: 'common', slots: 2 });
    const request = { prompt: engine.tokenize(letter), branches: toBranches() };

    const [one, other] = [await engine.scoreBranches(request), await several.scoreBranches(request)];

    for (const [index, expected] of one.logprobs.flat().entries())
      expect(Math.abs((other.logprobs.flat()[index] ?? Number.NaN) - expected)).toBeLessThan(rounding);
  });

  it('take as many branches and ways as a request may have', async () => {
    const branches = Array.from({ length: 300 }, (_, index) => ({
      tokens: toTokens(`\nLine ${index}:`),
      continuations: [toTokens(' yes'), toTokens(` no ${index}`)],
    }));

    const { logprobs } = await engine.scoreBranches({ prompt: engine.tokenize(letter), branches });

    expect(logprobs.flat()).toHaveLength(600);
    expect(logprobs.flat().every((each) => each < 0 && Number.isFinite(each))).toBe(true);
  });

  it('fit a context that is almost full', async () => {
    const branches = toBranches();
    const longest = Math.max(
      ...branches.map(
        ({ tokens, continuations }) => tokens.length + Math.max(...continuations.map(({ length }) => length)),
      ),
    );
    const text = engine.tokenize(letter.repeat(80));
    const prompt = text.slice(0, engine.contextSize - longest);

    const { logprobs } = await engine.scoreBranches({ prompt, branches });

    expect(logprobs.flat().every((each) => each < 0 && Number.isFinite(each))).toBe(true);
    await expect(
      engine.scoreBranches({ prompt: text.slice(0, prompt.length + 1), branches }),
    ).rejects.toThrow(/do not fit a context/);
  });

  it('leave the sequence as it was for the texts that follow', async () => {
    const prompt = engine.tokenize(letter);
    const before = await generateOn(engine, prompt, { cachePrompt: false });
    await engine.scoreBranches({ prompt, branches: toBranches() });

    const after = await generateOn(engine, prompt);

    expect(after.cachedTokens).toBe(prompt.length - 1);
    expect(after.text).toBe(before.text);
  });

  it('end with an abort, and the engine goes on', async () => {
    const branches = Array.from({ length: 60 }, (_, index) => ({
      tokens: toTokens(`\nAnother question with the number ${index} about this letter, please answer it:`),
      continuations: [toTokens(' Yes')],
    }));
    const prompt = engine.tokenize(letter);
    const before = await generateOn(engine, prompt, { cachePrompt: false });
    const controller = new AbortController();
    const scores = engine.scoreBranches({ prompt, branches }, controller.signal);
    setImmediate(() => controller.abort(new Error('left')));

    await expect(scores).rejects.toThrow('left');

    expect(engine.load).toEqual({ running: 0, waiting: 0 });
    expect((await generateOn(engine, prompt)).text).toBe(before.text);
  });

  it('wait for their turn', async () => {
    const prompt = engine.tokenize(letter);
    const running = generateOn(engine, prompt, { maxTokens: 8 });
    const { logprobs } = await engine.scoreBranches({ prompt, branches: toBranches() });

    expect(logprobs).toHaveLength(3);
    expect((await running).completionTokens).toBe(8);
  });
});

function decide(body: object): Promise<Decision> {
  return decisions.answer(body, service, context) as Promise<Decision>;
}

const toProbabilities = (answer: Decision['answers'][number] | undefined) =>
  answer !== undefined && 'probabilities' in answer
    ? answer.probabilities.map(({ probability }) => probability)
    : [];

describe('a decision', () => {
  const questions = [
    {
      type: 'choice',
      instructions: 'What is it about?',
      choices: [{ value: 'a train' }, { value: 'a hotel' }],
    },
    {
      type: 'score',
      instructions: 'How angry is the writer?',
      levels: [{ label: 'low' }, { label: 'high' }],
    },
    { type: 'predicate', instructions: 'The writer complains.' },
  ];

  it('has probabilities that add up to one', async () => {
    const { answers, usage } = await decide({ input: letter, questions });

    for (const answer of answers.slice(0, 2))
      expect(toProbabilities(answer).reduce((sum, each) => sum + each, 0)).toBeCloseTo(1, 9);
    expect(usage.output_tokens).toBe(0);
  });

  it('has the tokens of each whole text, although a long input is tokenized once', async () => {
    const inputs = [
      letter.repeat(8),
      `${'Ja — 12,5 % «ça» 日本語。\n\n'.repeat(30)}`,
      `${'x'.repeat(600)}  \n`,
    ];
    for (const input of inputs) {
      const texts = await renderDecisionPrompt({ input, questions: [] }, service, {});
      const asked = ['It is red.', '  12 <|im_end|> ', '\n\nJa?', 'é日'].map((text) => ({
        text,
        answers: ['Yes', 'No'],
      }));
      const tokenized = await tokenizeQuestions(asked, texts, service, context.signal);
      const marks = new ControlMarks(service.engine, 'input');
      for (const [index, { text }] of asked.entries()) {
        const whole = texts.before + marks.breakText(text) + texts.after;
        expect(tokenized[index]?.tokens).toEqual(await tokenizeRendered(whole, service, 'input'));
      }
    }
  });

  it('is the same for a question alone', async () => {
    const { answers } = await decide({ input: letter, questions });

    for (const [index, question] of questions.entries()) {
      const alone = (await decide({ input: letter, questions: [question] })).answers[0];
      const [one, other] = [answers[index], alone].map((answer) =>
        answer?.type === 'predicate' ? [answer.probability] : toProbabilities(answer),
      );
      for (const [place, expected] of (one ?? []).entries())
        expect(Math.abs((other?.[place] ?? Number.NaN) - expected)).toBeLessThan(rounding);
    }
  });

  it('has the probabilities that a completion gives for the same prompt', async () => {
    const instructions = 'The writer complains.';
    const { answers } = await decide({ input: letter, questions: [{ type: 'predicate', instructions }] });
    const prompt =
      '<|im_start|>system\nYou are a helpful AI assistant named SmolLM, trained by Hugging Face<|im_end|>\n' +
      `<|im_start|>user\n${letter}\n\nIs this true of the above? Answer Yes or No.\n${instructions}<|im_end|>\n` +
      '<|im_start|>assistant\n';
    const weights = { yes: 0, no: 0 };
    for (const [answer, writings] of [
      ['yes', ['Yes', 'yes', 'YES', ' Yes', ' yes', ' YES']],
      ['no', ['No', 'no', 'NO', ' No', ' no', ' NO']],
    ] as const) {
      for (const writing of writings) {
        const [token, ...more] = engine.tokenizeText(writing, { special: false });
        if (more.length > 0) continue;
        const completion = (await complete(
          { prompt, max_tokens: 1, logprobs: 0, temperature: 0, logit_bias: { [`${token}`]: 100 } },
          service,
          context,
        )) as Completion;
        weights[answer] += Math.exp(completion.choices[0]?.logprobs?.token_logprobs[0] ?? Number.NaN);
      }
    }

    const expected = weights.yes / (weights.yes + weights.no);
    const [decided] = answers;
    expect(
      Math.abs((decided?.type === 'predicate' ? decided.probability : Number.NaN) - expected),
    ).toBeLessThan(rounding);
  });
});

/** How often a text of one kind has a higher number than one of the other kind: 0.5 by chance. */
function orderingOf(numbers: readonly number[], labelled: readonly Review[]): number {
  const of = (isPositive: boolean) =>
    numbers.filter((_, index) => labelled[index]?.isPositive === isPositive);
  const pairs = of(true).flatMap((one) =>
    of(false).map((other) => (one > other ? 1 : one === other ? 0.5 : 0)),
  );
  return pairs.reduce<number>((sum, each) => sum + each, 0) / pairs.length;
}

describe('forty labelled reviews', () => {
  it('are ordered better than by chance by a choice and by a score', async () => {
    const questions = [
      {
        type: 'choice',
        instructions: 'What is the sentiment of the review?',
        choices: [{ value: 'positive' }, { value: 'negative' }],
      },
      {
        type: 'score',
        instructions: 'How satisfied is the writer?',
        levels: ['terrible', 'bad', 'okay', 'good', 'excellent'].map((label) => ({ label })),
      },
    ];
    const positive: number[] = [];
    const scores: number[] = [];
    for (const { text } of reviews) {
      const [choice, score] = (await decide({ input: text, questions })).answers;
      positive.push(toProbabilities(choice)[0] ?? Number.NaN);
      scores.push(score?.type === 'score' ? score.score : Number.NaN);
    }

    expect(orderingOf(positive, reviews)).toBeGreaterThan(0.65);
    expect(orderingOf(scores, reviews)).toBeGreaterThan(0.55);
  }, 300_000);
});
