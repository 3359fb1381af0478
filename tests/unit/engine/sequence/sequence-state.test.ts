import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import type { Token } from '../../../../src/engine/engine.ts';
import { SequenceState } from '../../../../src/engine/sequence/sequence-state.ts';
import { createContext, promptOf } from './create-sequences.ts';
import type { FakeContextOptions } from './fake-context.ts';
import { FakeSequence } from './fake-sequence.ts';

const folder = mkdtempSync(join(tmpdir(), 'state-'));
afterAll(() => rmSync(folder, { recursive: true }));

function setUp(options: Partial<FakeContextOptions> = {}) {
  const context = createContext(options);
  const state = new SequenceState(new FakeSequence(context, 0, {}));
  const evaluate = (...tokens: Token[]) =>
    state.evaluate({ tokens, outputs: [tokens.length - 1], read: async ([output = -1]) => output });
  return { context, state, evaluate };
}

describe('the state of a sequence', () => {
  it('evaluates tokens behind those that it holds', async () => {
    const { context, state, evaluate } = setUp();
    await evaluate(1, 2);
    const read = async ([output = -1]: Uint32Array) => context.tokensOf(output);

    expect(await state.evaluate({ tokens: [3], outputs: [0], read })).toEqual([1, 2, 3]);
    expect(state.tokens).toEqual([1, 2, 3]);
    expect(context.heldBy(0)).toEqual([1, 2, 3]);
  });

  it('counts prefilled tokens', async () => {
    const { state, evaluate } = setUp();
    await state.evaluatePrompt({ tokens: [1, 2], outputs: [], read: async () => {} });
    await evaluate(3);

    expect([state.length, state.prefilled]).toEqual([3, 2]);
    await state.truncate(1);
    expect([state.length, state.prefilled]).toEqual([1, 1]);
  });

  it('has no reusable tokens after a failed decode, and is cleared before the next one', async () => {
    const { context, state, evaluate } = setUp();
    await evaluate(1, 2);
    context.onDecode = () => Promise.reject(new Error('no memory'));
    await expect(evaluate(3)).rejects.toThrow('no memory');
    context.onDecode = () => {};

    expect([state.tokens, state.prefilled, state.hasLogits]).toEqual([[], 0, false]);
    await state.truncate(0);
    await evaluate(4);
    expect(state.tokens).toEqual([4]);
  });

  it.each([2, 3])('is cleared when it is cut to %i of 3 tokens after a failed decode', async (to) => {
    const { context, state, evaluate } = setUp();
    await evaluate(1, 2);
    context.onDecode = () => Promise.reject(new Error('no memory'));
    await expect(evaluate(3)).rejects.toThrow('no memory');
    await state.truncate(to);

    expect([state.length, context.heldBy(0).length]).toEqual([0, 0]);
  });

  it('has no reusable tokens when reading the logits failed', async () => {
    const { state } = setUp();
    const failing = { tokens: [1], outputs: [0], read: () => Promise.reject(new Error('no token')) };

    await expect(state.evaluate(failing)).rejects.toThrow('no token');
    expect(state.tokens).toEqual([]);
  });

  it('removes the last tokens, and knows the logits of the one that stays', async () => {
    const { context, state } = setUp();
    await state.evaluate({
      tokens: [1, 2, 3, 4],
      outputs: [1, 2, 3],
      read: async (outputs) => state.removeLast(2, outputs[0]),
    });

    expect([state.tokens, context.heldBy(0)]).toEqual([
      [1, 2],
      [1, 2],
    ]);
    expect(await state.readLogits(async (output) => context.tokensOf(output))).toEqual([1, 2]);
  });

  it('keeps no logits that another sequence of the context may overwrite', async () => {
    const { state, evaluate } = setUp({ sequences: 2 });
    await evaluate(1);

    expect(state.hasLogits).toBe(false);
    await expect(state.readLogits(async () => {})).rejects.toThrow('logits of the last token are gone');
  });

  it('keeps no logits that were not asked for, or that belong to a removed token', async () => {
    const { state, evaluate } = setUp();
    await state.evaluate({ tokens: [1, 2], outputs: [0], read: async () => {} });
    expect(state.hasLogits).toBe(false);
    await evaluate(3);
    expect(state.hasLogits).toBe(true);
    await state.truncate(2);
    expect(state.hasLogits).toBe(false);
  });

  it('is cleared when the model cannot forget a part of it', async () => {
    const { context, state, evaluate } = setUp({ canForget: false });
    await evaluate(1, 2, 3);
    await state.truncate(2);

    expect([state.length, context.heldBy(0).length]).toEqual([0, 0]);
  });

  it('stays as it is when it is cut to its own length', async () => {
    const { context, state, evaluate } = setUp({ canForget: false });
    await evaluate(1, 2, 3);
    await state.truncate(3);

    expect(context.heldBy(0)).toEqual([1, 2, 3]);
  });

  it('follows the tokens that a native loop evaluates, which overwrites the logits', async () => {
    const { state, evaluate } = setUp();
    await evaluate(1, 2);
    state.append(3);

    expect([state.tokens, state.hasLogits]).toEqual([[1, 2, 3], false]);
  });

  it('can be saved to a file and loaded again', async () => {
    const tokens = promptOf(70);
    const path = join(folder, 'state');
    const saving = setUp();
    await saving.evaluate(...tokens);
    await saving.state.save(path);
    const { context, state, evaluate } = setUp();
    await evaluate(1, 2, 3);
    await state.load(path, tokens);

    expect([state.length, state.prefilled, state.hasLogits]).toEqual([70, 70, false]);
    expect(context.heldBy(0)).toEqual(tokens);
  });

  it.each([
    ['holds other tokens', '[1, 2, 4]', 'it holds other tokens'],
    ['holds fewer tokens', '[1, 2]', 'it holds other tokens'],
    ['holds more tokens', '[1, 2, 3, 4]', 'the state does not fit'],
    ['is damaged', '[1, 2', 'JSON'],
  ])('is empty after it loaded a file that %s', async (_, content, message) => {
    const path = join(folder, 'other');
    writeFileSync(path, content);
    const { context, state, evaluate } = setUp();
    await evaluate(1, 2, 3);

    await expect(state.load(path, [1, 2, 3])).rejects.toThrow(message);
    expect([state.length, context.heldBy(0).length]).toEqual([0, 0]);
    await evaluate(5);
    expect(state.tokens).toEqual([5]);
  });
});
