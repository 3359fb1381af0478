import { describe, expect, it } from 'vitest';
import {
  cutKvState,
  joinStates,
  type KvState,
  parseKvState,
  writeKvState,
} from '../../../../src/engine/cache/kv-state.ts';

const shape = {
  streams: 2,
  layers: 2,
  parts: [
    { type: 1, rowBytes: 4 },
    { type: 8, rowBytes: 6 },
    { type: 1, rowBytes: 2 },
  ],
};

/** A state whose rows tell part and place. */
function stateOf(first: number, tokens: number): KvState {
  return writeKvState(shape, first, tokens, (part) =>
    Array.from({ length: tokens }, (_, index) => {
      const rowBytes = shape.parts[part]?.rowBytes ?? 0;
      return new Uint8Array(rowBytes).fill(part * 100 + first + index);
    }),
  );
}

describe('a state', () => {
  it.each([0, 7])('is read as it was written, of the tokens from %i on', (first) => {
    const state = stateOf(first, 5);

    expect(parseKvState(state.bytes)).toEqual(state);
  });

  it('is cut by tokens, and joined again', () => {
    const state = stateOf(0, 5);
    const [one, other] = [cutKvState(state, 0, 2), cutKvState(state, 2, 5)];

    expect([one, other]).toEqual([stateOf(0, 2), stateOf(2, 3)]);
    const joined = (ends: readonly [number, number]) =>
      joinStates([
        { bytes: one.bytes, end: ends[0] },
        { bytes: other.bytes, end: ends[1] },
      ]);
    expect(joined([2, 5])).toEqual(state.bytes);
    expect(joined([2, 4])).toEqual(stateOf(0, 4).bytes);
  });

  it('is given as it is when there is no other', () => {
    const state = { bytes: Uint8Array.of(1, 2, 3), end: 2 };

    expect(joinStates([state])).toBe(state.bytes);
    expect(() => joinStates([state, state])).toThrow('it is not laid out by tokens');
    expect(() => joinStates([])).toThrow('there is no state');
  });

  it('is read of whichever sequence it is', () => {
    const first = stateOf(0, 2);
    const { bytes } = first;
    // The same for the second of two streams.
    const second = parseKvState(
      Buffer.concat([bytes.subarray(0, 12), Buffer.alloc(4), bytes.subarray(12, -4)]),
    );

    expect(second && cutKvState(second, 0, 2)).toEqual(first);
  });

  it.each([
    ['is cut off', (state: Buffer) => state.subarray(0, -5)],
    ['goes on', (state: Buffer) => Buffer.concat([state, Buffer.alloc(4, 1)])],
    ['is empty', () => Buffer.alloc(0)],
    ['begins otherwise', (state: Buffer) => Buffer.concat([Buffer.from([1]), state.subarray(1)])],
    [
      'has tokens in another order',
      (state: Buffer) => {
        const other = Buffer.from(state);
        other.writeUInt32LE(7, 16);
        return other;
      },
    ],
    [
      'has values by columns',
      (state: Buffer) => {
        const other = Buffer.from(state);
        other.writeUInt32LE(1, 16 + 2 * 12);
        return other;
      },
    ],
    [
      'has parts of absurd sizes',
      (state: Buffer) => {
        const other = Buffer.from(state);
        other.writeBigUInt64LE(2n ** 60n, 16 + 2 * 12 + 12);
        return other;
      },
    ],
  ])('is not taken for one when it %s', (_, change) => {
    const state = Buffer.from(stateOf(0, 2).bytes);

    expect(parseKvState(change(state))).toBeUndefined();
  });
});
