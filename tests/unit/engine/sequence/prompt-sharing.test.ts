import { describe, expect, it } from 'vitest';
import { ConversationCache } from '../../../../src/engine/cache/conversation-cache.ts';
import type { Sequence } from '../../../../src/engine/sequence/sequence.ts';
import {
  createSequences,
  generate,
  generateCold,
  promptOf,
  type SequenceOptions,
  start,
  toRequest,
} from './create-sequences.ts';

const system = promptOf(300);
const promptsOf = (count: number) =>
  Array.from({ length: count }, (_, index) => [...system, ...promptOf(20, index + 1)]);

function create(options: SequenceOptions = {}) {
  const conversations = new ConversationCache({ limitBytes: 1_000_000, isIndivisible: false });
  return createSequences({ rule: 'common', conversations, sequences: 4, ...options });
}

const inOrder = (sequences: readonly Sequence<string>[]) =>
  sequences.map((sequence, index) => ({ sequence, index }));

describe('prompts that begin alike', () => {
  it('have their beginning evaluated once for all slots', async () => {
    const { sequences, context } = create();
    const prompts = promptsOf(4);
    const texts = await Promise.all(
      inOrder(sequences).map(
        async ({ sequence, index }) => (await generate(sequence, prompts[index] ?? [])).text,
      ),
    );

    expect(texts).toEqual(await Promise.all(prompts.map((prompt) => generateCold(prompt))));
    // The beginning, four questions, and the seven tokens of each answer that were evaluated.
    expect(context.evaluated).toBe(300 + 4 * 20 + 4 * 7);
  });

  it('have it from a slot that decodes', async () => {
    const { sequences } = create();
    const [first, second] = sequences as [Sequence<string>, Sequence<string>];
    const [one = [], other = []] = promptsOf(2);
    const running = start(first, toRequest(one, { maxTokens: 50 }));
    await running.next();
    const { text, summary } = await generate(second, other);
    await running.return();

    expect(summary.cachedTokens).toBe(300);
    expect(text).toBe(await generateCold(other));
  });

  it('evaluate it themselves when the one they wait for fails', async () => {
    const { sequences, context } = create();
    const [first, second] = sequences as [Sequence<string>, Sequence<string>];
    const [one = [], other = []] = promptsOf(2);
    context.onDecode = ({ index }) => {
      if (index === 1) throw new Error('failed');
    };
    const failing = expect(generate(first, one)).rejects.toThrow('failed');
    const { text } = await generate(second, other);

    await failing;
    expect(text).toBe(await generateCold(other));
  });

  it('wait no longer than until they are aborted', async () => {
    const { sequences, context } = create();
    const [first, second] = sequences as [Sequence<string>, Sequence<string>];
    const [one = [], other = []] = promptsOf(2);
    const abort = new AbortController();
    context.onDecode = () => abort.abort(new Error('aborted'));
    const running = generate(first, one);

    await expect(generate(second, other, {}, abort.signal)).rejects.toThrow('aborted');
    expect((await running).text).toBe(await generateCold(one));
    expect((await generate(second, other)).text).toBe(await generateCold(other));
  });

  it('do not wait for a prompt that takes much longer', async () => {
    const { sequences, context } = create();
    const [first, second] = sequences as [Sequence<string>, Sequence<string>];
    await Promise.all([generate(first, [...system, ...promptOf(400, 9)]), generate(second, [...system, 1])]);

    expect(context.evaluated).toBe(700 + 7 + 301 + 7);
  });
});
