import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ConversationCache } from '../../../../src/engine/cache/conversation-cache.ts';
import type { Branch, BranchScores, Token } from '../../../../src/engine/engine.ts';
import type { Sequence } from '../../../../src/engine/sequence/sequence.ts';
import { createSequences, generate, promptOf, type SequenceOptions, toTokens } from './create-sequences.ts';
import type { FakeContext } from './fake-context.ts';

const prompt = promptOf(100);

const branches: readonly Branch[] = [
  { tokens: toTokens('isthisred'), continuations: [toTokens('yes'), toTokens('no')] },
  { tokens: toTokens('isthisblue'), continuations: [toTokens('y'), toTokens('ye'), toTokens('n')] },
  { tokens: toTokens('which'), continuations: [toTokens('a')] },
  // Longer than a piece.
  { tokens: promptOf(90, 9), continuations: [toTokens('yes'), toTokens('no')] },
];

const unhurried = { decodeMs: () => 0 };

const ways: readonly (SequenceOptions & { readonly name: string })[] = [
  { name: 'in one batch', mostBranches: 255 },
  { name: 'in batches of two ways', mostBranches: 2 },
  { name: 'in batches with the logits of two tokens', mostBranches: 255, mostOutputs: 2 },
  { name: 'one after the other, with the logits of one token at once', mostOutputs: 1 },
  { name: 'in the room that the context leaves', mostBranches: 255, contextSize: 193 },
  { name: 'one after the other', mostBranches: 0 },
  { name: 'on a model that cannot go back', canForget: false },
  { name: 'behind a sliding window', windowRing: { window: 16, cells: 512 } },
  {
    name: 'behind a sliding window that a branch leaves',
    windowRing: { window: 16, cells: 80 },
    longestDecode: 64,
  },
  { name: 'in a context of several sequences', sequences: 3 },
];

function score(
  sequence: Sequence<string>,
  asked: readonly Branch[] = branches,
  signal?: AbortSignal,
): Promise<BranchScores> {
  return sequence.scoreBranches({ prompt, branches: asked }, { signal, waitMs: 0 });
}

/** Each token's score, behind all tokens before it. */
function expectedLogprobs(context: FakeContext, asked: readonly Branch[]): number[][] {
  return asked.map(({ tokens, continuations }) =>
    continuations.map((continuation) =>
      continuation.reduce((sum, token, index) => {
        const before = [...prompt, ...tokens, ...continuation.slice(0, index)];
        return sum + context.scoreBehind(before, token, 0).logprob;
      }, 0),
    ),
  );
}

describe('the scores of branches', () => {
  it.each(ways)('are those of each branch alone: $name', async (options) => {
    const { sequence, context } = createSequences({ ...unhurried, ...options });

    const { logprobs } = await score(sequence);

    for (const [index, expected] of expectedLogprobs(context, branches).entries())
      expect(logprobs[index]?.map((each) => each.toFixed(6))).toEqual(
        expected.map((each) => each.toFixed(6)),
      );
  });

  it.each(ways)('leave the sequence with the prompt alone: $name', async (options) => {
    const { sequence, context } = createSequences({ ...unhurried, rule: 'common', ...options });

    await score(sequence);

    expect(context.heldBy(0)).toEqual(prompt);
    expect(sequence.reusableTokens({ prompt: [...prompt, 1] })).toBe(prompt.length);
  });

  it('evaluate in one batch what the branches do not have in common', async () => {
    const { sequence, context } = createSequences({ ...unhurried, mostBranches: 255 });

    await score(sequence, branches.slice(0, 3));

    const last = context.decodes.at(-1);
    const common = toTokens('isthis').length;
    expect(last?.tokens).toHaveLength(
      common + 'red'.length + 'yen'.length + 'blue'.length + 'y'.length + 'which'.length,
    );
  });

  it.each([
    ['one piece on a slow machine', 15, [180]],
    ['pieces of three seconds on a slower one', 30, [96, 64]],
  ])('evaluate many short branches in %s', async (_, tokenMs, pieces) => {
    const { sequence, context } = createSequences({
      mostBranches: 255,
      decodeMs: (tokens) => tokenMs * tokens,
    });
    // A common beginning of 20 tokens, and 20 branches of 8.
    const many = Array.from({ length: 20 }, (_, index) => ({
      tokens: [...promptOf(20, 9), 200 + index, ...promptOf(7, index)],
      continuations: [toTokens('y')],
    }));

    await score(sequence, many);

    const sizes = context.decodes.map(({ tokens }) => tokens.length);
    expect(sizes.slice(-pieces.length)).toEqual(pieces);
  });

  it.each(ways)('do not evaluate the prompt again for the next request: $name', async (options) => {
    const { sequence, context } = createSequences({ ...unhurried, rule: 'common', ...options });
    const first = await score(sequence);
    const { evaluated } = context;

    const { summary } = await score(sequence);

    expect(first.summary).toMatchObject({
      cachedTokens: 0,
      promptTokens: prompt.length,
      unevaluatedTokens: 0,
    });
    expect(summary).toMatchObject({ cachedTokens: prompt.length, promptTokens: 0, unevaluatedTokens: 0 });
    expect(context.evaluated - evaluated).toBe(evaluated - prompt.length);
  });

  it('reuse nothing of a prompt with another scope', async () => {
    const { sequence } = createSequences({ ...unhurried, rule: 'common', mostBranches: 255 });
    const options = { signal: undefined, waitMs: 0 };
    const cachedTokens = async (cacheScope: string) =>
      (await sequence.scoreBranches({ prompt, branches, cacheScope }, options)).summary.cachedTokens;

    expect([await cachedTokens('a'), await cachedTokens('a'), await cachedTokens('b')]).toEqual([
      0,
      prompt.length,
      0,
    ]);
  });

  it('do not change the text of a generation that follows', async () => {
    for (const options of ways) {
      const { sequence } = createSequences({ ...unhurried, ...options, rule: 'common' });
      const { text } = await generate(createSequences(unhurried).sequence, prompt);
      await score(sequence);

      expect((await generate(sequence, prompt)).text).toBe(text);
    }
  });

  it.each(ways)('end with the reason of an abort, and the sequence goes on: $name', async (options) => {
    const { sequence, context } = createSequences({ ...unhurried, ...options });
    const { text } = await generate(createSequences(unhurried).sequence, prompt);
    const controller = new AbortController();
    const reason = new Error('left');
    context.onDecode = ({ tokens }) => {
      if (tokens[0] === branches[0]?.tokens[0]) controller.abort(reason);
    };

    await expect(score(sequence, [...branches, ...branches], controller.signal)).rejects.toBe(reason);

    context.onDecode = () => {};
    expect((await generate(sequence, prompt)).text).toBe(text);
  });

  it.each(ways)('fail with a decode, and the sequence goes on: $name', async (options) => {
    const { sequence, context } = createSequences({ ...unhurried, ...options });
    const { text } = await generate(createSequences(unhurried).sequence, prompt);
    const failure = new Error('no memory');
    context.onDecode = ({ tokens }) => {
      if (tokens[0] === branches[0]?.tokens[0]) throw failure;
    };

    await expect(score(sequence)).rejects.toBe(failure);

    context.onDecode = () => {};
    expect((await generate(sequence, prompt)).text).toBe(text);
  });

  it('begin with a conversation that lost its slot', async () => {
    const conversations = new ConversationCache({ limitBytes: 1e6, isIndivisible: false });
    const { sequence } = createSequences({ ...unhurried, mostBranches: 9, rule: 'common', conversations });
    await score(sequence);
    await generate(sequence, promptOf(80, 5));

    expect((await score(sequence)).summary.cachedTokens).toBe(prompt.length);
  });

  it('are the same for any branches and any way', async () => {
    const token = fc.integer({ min: 1, max: 3 });
    const tokens = (maxLength: number): fc.Arbitrary<Token[]> => fc.array(token, { minLength: 1, maxLength });
    const branch = fc.record({
      tokens: tokens(100),
      continuations: fc.array(tokens(4), { minLength: 1, maxLength: 6 }),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.array(branch, { minLength: 1, maxLength: 6 }),
        fc.record({
          mostBranches: fc.integer({ min: 0, max: 12 }),
          mostOutputs: fc.integer({ min: 1, max: 6 }),
          longestDecode: fc.integer({ min: 64, max: 200 }),
          canForget: fc.boolean(),
          window: fc.option(fc.integer({ min: 1, max: 150 }), { nil: undefined }),
        }),
        async (asked, { window, ...options }) => {
          const ring = window === undefined ? undefined : { window, cells: window + options.longestDecode };
          const ways = ring === undefined ? options : { ...options, mostBranches: 0, windowRing: ring };
          const { sequence, context } = createSequences({ ...unhurried, ...ways });
          // The ring has gone round before.
          await generate(sequence, promptOf(200, 4), { maxTokens: 40 });
          const { logprobs } = await score(sequence, asked);
          const rounded = (all: readonly (readonly number[])[]) =>
            all.map((each) => each.map((one) => one.toFixed(6)));
          expect(rounded(logprobs)).toEqual(rounded(expectedLogprobs(context, asked)));
          expect(context.heldBy(0)).toEqual(prompt);
        },
      ),
      { numRuns: 100 },
    );
  });
});
