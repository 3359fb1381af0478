// States of parts of a sequence, as the native module reads and writes them.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Inference, openLlamaAddon } from '../../src/engine/llama/llama-addon.ts';
import { type BareContext, createBareContext } from './bare-context.ts';

const tokens = Uint32Array.from({ length: 60 }, (_, index) => 1000 + index);

describe('states of parts', () => {
  let bare: BareContext;
  let inference: Inference;
  beforeAll(async () => {
    bare = await createBareContext(openLlamaAddon(), 256);
    inference = bare.inference;
  });
  afterAll(() => bare.dispose());

  const read = (first = 0) => inference.readSequence(0, first);
  const write = (states: readonly [state: Uint8Array, end: number][]) =>
    inference.writeSequence(
      0,
      states.map(([state]) => state),
      Int32Array.from(states, ([, end]) => end),
    );

  it('are together the state of the whole', async () => {
    await bare.begin(tokens.subarray(0, 40));
    const first = await read();
    await bare.evaluate(tokens.subarray(40), 40);
    const [second, whole] = [await read(40), await read()];
    expect(second.byteLength).toBeLessThan(whole.byteLength / 2);

    await write([
      [first, 40],
      [second, 60],
    ]);

    expect(Buffer.from(await read()).equals(whole)).toBe(true);
  });

  it('may follow a part of the one before', async () => {
    await bare.begin(tokens.subarray(0, 40));
    const first = await read();
    await write([[first, 30]]);
    await bare.evaluate(tokens.subarray(50), 30);
    const [second, whole] = [await read(30), await read()];

    await write([
      [first, 30],
      [second, 40],
    ]);

    expect(Buffer.from(await read()).equals(whole)).toBe(true);
  });

  it('are refused when they do not fit', async () => {
    await expect(write([[Buffer.from('no state'), 1]])).rejects.toThrow(
      'llama.cpp cannot write the sequence.',
    );
  });
});
