import { describe, expect, it } from 'vitest';
import { cutSegment, parseKvState, toKvState } from '../../../../src/engine/cache/kv-state.ts';

const shape = {
  streams: 2,
  layers: 2,
  parts: [
    { type: 1, rowBytes: 4 },
    { type: 8, rowBytes: 6 },
    { type: 1, rowBytes: 2 },
  ],
};

/** Rows whose bytes tell part and token. */
function segmentOf(start: number, tokens: number) {
  const rows = shape.parts.flatMap(({ rowBytes }, part) =>
    Array.from({ length: tokens }, (_, index) =>
      new Array<number>(rowBytes).fill(part * 100 + start + index),
    ),
  );
  return { tokens, bytes: Uint8Array.from(rows.flat()) };
}

describe('a state', () => {
  it('is read as it was written, whole and in segments', () => {
    const state = toKvState(shape, [segmentOf(0, 3), segmentOf(3, 2)], 5);
    const parsed = parseKvState(state);

    expect(parsed).toMatchObject({ shape, tokens: 5 });
    expect(Uint8Array.from(parsed?.slice(1, 4).bytes ?? [])).toEqual(segmentOf(1, 3).bytes);
    expect(toKvState(shape, [segmentOf(0, 5)], 5)).toEqual(state);
  });

  it('can be written of the first tokens alone', () => {
    const state = toKvState(shape, [segmentOf(0, 3), segmentOf(3, 2)], 4);

    expect(state).toEqual(toKvState(shape, [segmentOf(0, 4)], 4));
  });

  it('is read of whichever sequence it is', () => {
    const first = toKvState(shape, [segmentOf(0, 2)], 2);
    // The same for the second of two streams.
    const second = Buffer.concat([first.subarray(0, 12), Buffer.alloc(4), first.subarray(12, -4)]);

    expect(parseKvState(second)?.slice(0, 2).bytes).toEqual(parseKvState(first)?.slice(0, 2).bytes);
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
    const state = Buffer.from(toKvState(shape, [segmentOf(0, 2)], 2));

    expect(parseKvState(change(state))).toBeUndefined();
  });
});

describe('a segment', () => {
  it('is cut in two', () => {
    const halves = cutSegment(shape, segmentOf(0, 5), 2);

    expect(halves.map(({ tokens, bytes }) => ({ tokens, bytes: Uint8Array.from(bytes) }))).toEqual([
      segmentOf(0, 2),
      segmentOf(2, 3),
    ]);
  });
});
