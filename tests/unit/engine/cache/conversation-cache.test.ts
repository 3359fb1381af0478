import { describe, expect, it } from 'vitest';
import {
  ConversationCache,
  countCommon,
  type FoundConversation,
} from '../../../../src/engine/cache/conversation-cache.ts';
import { parseKvState, type StateUpTo, writeKvState } from '../../../../src/engine/cache/kv-state.ts';
import type { Token } from '../../../../src/engine/token.ts';

const shape = { streams: 1, layers: 1, parts: [{ type: 1, rowBytes: 10 }] };

/** A state of the tokens from a place on, whose rows tell them. */
function stateOf(tokens: readonly Token[], first = 0): Uint8Array {
  const rows = tokens.slice(first).map((token) => new Uint8Array(10).fill(token));
  return writeKvState(shape, first, rows.length, () => rows).bytes;
}

/** The tokens of states, each up to its end. */
function tokensOf(states: readonly StateUpTo[] = []): readonly Token[] {
  return states.flatMap(({ bytes, end }) => {
    const state = parseKvState(bytes);
    const start = state?.starts[0] ?? 0;
    return Array.from({ length: end - (state?.first ?? 0) }, (_, index) => bytes[start + index * 10] ?? -1);
  });
}

/** The bytes of a state of so many tokens. */
const bytesOf = (tokens: number) => stateOf(new Array<number>(tokens).fill(0)).byteLength;

const range = (from: number, to: number) => Array.from({ length: to - from }, (_, index) => from + index);

function createCache(limitBytes = 1_000_000, isIndivisible = false) {
  const cache = new ConversationCache({ limitBytes, isIndivisible });
  const keep = (tokens: readonly Token[]) => cache.keep({ tokens, prefilled: 0 }, stateOf(tokens));
  /** Keeps the state of what is new alone. */
  const keepMore = (tokens: readonly Token[], prefilled = 0) => {
    const behind = cache.beginningOf(tokens);
    cache.keep({ tokens, prefilled }, stateOf(tokens, behind.tokens), { behind });
  };
  const find = (prompt: readonly Token[]): FoundConversation | undefined =>
    cache.find(({ tokens }) => countCommon(tokens, prompt));
  return { cache, keep, keepMore, find };
}

describe('conversations', () => {
  it('are found by their longest common beginning', () => {
    const { keep, find } = createCache();
    keep([...range(0, 40), 90, 91]);
    keep([...range(0, 50), 80, 81]);
    const found = find(range(0, 45));

    expect(found?.tokens).toEqual(range(0, 45));
    expect(find(range(0, 51))?.tokens).toEqual(range(0, 50));
    expect(find([9, 9])).toBeUndefined();
  });

  it('are cut only where most of a state would be restored for nothing', () => {
    const { cache, find } = createCache();
    const state = stateOf(range(0, 60));
    cache.keep({ tokens: range(0, 60), prefilled: 0 }, state);

    const most = find([...range(0, 30), 99]);
    expect(most?.tokens).toEqual(range(0, 30));
    expect(most?.toStates()).toEqual([{ bytes: state, end: 30 }]);
    const few = find([...range(0, 29), 99])?.toStates();
    expect(few?.map(({ bytes }) => bytes.byteLength)).toEqual([bytesOf(29)]);
    expect(tokensOf(few)).toEqual(range(0, 29));
  });

  it('are restored from the state that was kept, without a copy, while there is room', () => {
    const { cache, find } = createCache();
    const state = stateOf(range(0, 60));
    cache.keep({ tokens: range(0, 60), prefilled: 0 }, state);

    expect(find(range(0, 70))?.toStates()[0]?.bytes).toBe(state);
    expect(cache.bytes).toBe(state.byteLength);
  });

  it('share the states of their beginning when there is no other room', () => {
    const { cache, keep, find } = createCache(bytesOf(60) + 3 * bytesOf(20));
    for (const end of [100, 110, 120]) keep([...range(0, 60), ...new Array<number>(20).fill(end)]);

    expect(cache.size).toBe(3);
    expect(cache.bytes).toBe(bytesOf(60) + 3 * bytesOf(20));
    for (const end of [100, 110, 120]) {
      const text = [...range(0, 60), ...new Array<number>(20).fill(end)];
      expect(tokensOf(find(text)?.toStates())).toEqual(text);
    }
  });

  it('replace their earlier turns', () => {
    const { cache, keep } = createCache();
    for (const length of [40, 70, 200]) keep(range(0, length));

    expect([cache.size, cache.bytes]).toEqual([1, stateOf(range(0, 200)).byteLength]);
  });

  it('keep the states of their earlier turns, and share those of their beginning', () => {
    const { cache, keepMore, find } = createCache();
    for (const length of [40, 70, 200]) keepMore(range(0, length));
    // The end of the second turn is rendered otherwise.
    const other = [...range(0, 65), 98, 99];
    keepMore(other);

    expect(cache.size).toBe(2);
    expect(cache.bytes).toBe(bytesOf(40) + bytesOf(30) + bytesOf(130) + bytesOf(2));
    const states = find(range(0, 200))?.toStates() ?? [];
    expect(states.map(({ bytes, end }) => [bytes.byteLength, end])).toEqual([
      [bytesOf(40), 40],
      [bytesOf(30), 70],
      [bytesOf(130), 200],
    ]);
    expect(tokensOf(states)).toEqual(range(0, 200));
    expect(tokensOf(find(other)?.toStates())).toEqual(other);
    for (const length of [20, 45, 70, 150])
      expect(tokensOf(find([...range(0, length), 7])?.toStates())).toEqual(range(0, length));
  });

  it('are read anew behind a state of which they would use little', () => {
    const { cache, keep } = createCache();
    keep(range(0, 60));

    expect(cache.beginningOf([...range(0, 29), 99]).tokens).toBe(0);
    expect(cache.beginningOf([...range(0, 30), 99]).tokens).toBe(30);
  });

  it('are read anew when they have many pieces', () => {
    const { cache, keepMore } = createCache();
    for (let length = 1; length <= 32; length += 1) keepMore(range(0, length));

    expect(cache.beginningOf(range(0, 33)).tokens).toBe(0);
  });

  it('are no more exact than the states that they share', () => {
    const { cache, keep, keepMore, find } = createCache();
    keep(range(0, 64));
    keepMore(range(0, 128), 128);
    expect(find(range(0, 128))?.prefilled).toBe(0);

    const tight = createCache(bytesOf(64) + 2 * bytesOf(20));
    tight.keep([...range(0, 64), ...new Array<number>(20).fill(100)]);
    const exact = [...range(0, 64), ...new Array<number>(20).fill(110)];
    tight.cache.keep({ tokens: exact, prefilled: 64 }, stateOf(exact));
    expect([tight.cache.size, tight.find(exact)?.prefilled]).toEqual([2, 0]);
    expect(cache.size).toBe(1);
  });

  it('pass over a state that does not follow what is before it', () => {
    const { cache, keep } = createCache();
    keep(range(0, 40));
    const behind = cache.beginningOf(range(0, 60));
    cache.keep({ tokens: range(0, 60), prefilled: 0 }, stateOf(range(0, 60), 30), { behind });
    cache.keep({ tokens: range(0, 60), prefilled: 0 }, Uint8Array.of(1), { behind });

    expect([cache.size, cache.has(range(0, 41))]).toEqual([1, false]);
  });

  it('go by least recent use when there is no room', () => {
    const { cache, keep, find } = createCache(2 * bytesOf(50) + 100);
    const texts = [1, 2, 3].map((token) => new Array<number>(50).fill(token));
    keep(texts[0] ?? []);
    keep(texts[1] ?? []);
    find(texts[0] ?? []);
    keep(texts[2] ?? []);

    expect(texts.map((text) => find(text)?.tokens.length)).toEqual([50, undefined, 50]);
    expect(cache.bytes).toBe(2 * bytesOf(50));
  });

  it('cost work in proportion to their number when there is no room', () => {
    const readsWith = (conversations: number): number => {
      let reads = 0;
      class CountedBytes extends Uint8Array {
        override get byteLength(): number {
          reads++;
          return super.byteLength;
        }
      }
      const { cache } = createCache(bytesOf(40) * conversations);
      const keep = (number: number) => {
        const tokens = range(1000 * number, 1000 * number + 40);
        cache.keep({ tokens, prefilled: 0 }, new CountedBytes(stateOf(tokens)));
      };
      for (let number = 0; number < 2 * conversations; number++) keep(number);
      reads = 0;
      keep(2 * conversations);
      expect(cache.size).toBe(conversations);
      return reads;
    };

    expect(readsWith(200)).toBeLessThan(readsWith(20) * 20);
  });

  it('are not kept when one alone has no room', () => {
    const { cache, keep } = createCache(1000);
    keep([1, 2]);
    keep(range(0, 200));

    expect(cache.size).toBe(1);
    // Then nobody copies a state as long as that.
    expect([199, 200].map((tokens) => cache.mayHold(tokens))).toEqual([true, false]);
  });

  it('are forgotten when their state is of no use', () => {
    const { keep, find } = createCache();
    keep(range(0, 40));
    find(range(0, 40))?.forget();

    expect(find(range(0, 40))).toBeUndefined();
  });
});

describe('a state of an unknown layout', () => {
  it('is given whole', () => {
    const { cache, find } = createCache();
    const state = Uint8Array.of(1, 2, 3);
    cache.keep({ tokens: [1, 2, 3], prefilled: 2 }, state);

    const found = find([1, 2, 4]);
    expect(found).toMatchObject({ tokens: [1, 2], prefilled: 2 });
    expect(found?.toStates()).toEqual([{ bytes: state, end: 2 }]);
  });
});

describe('a state that may lack the last tokens', () => {
  it('is kept only where its layout tells how many it has', () => {
    const { cache, find } = createCache();
    cache.keep({ tokens: [1, 2, 3], prefilled: 2 }, Uint8Array.of(1, 2, 3), { isComplete: false });
    expect(cache.size).toBe(0);

    cache.keep({ tokens: [1, 2, 3], prefilled: 2 }, stateOf([1, 2]), { isComplete: false });
    expect(find([1, 2, 3])?.tokens).toEqual([1, 2]);
  });
});

describe('a model that can only go on', () => {
  it('finds what a prompt has whole, an earlier turn too', () => {
    const { cache, keep, find } = createCache(1_000_000, true);
    keep(range(0, 40));
    keep(range(0, 60));
    keep(range(0, 60));

    expect(cache.size).toBe(2);
    expect(find([...range(0, 50), 7])?.tokens.length).toBe(40);
    expect(find(range(0, 70))?.tokens.length).toBe(60);
    expect(find(range(0, 30))).toBeUndefined();
  });
});

describe('conversations of several scopes', () => {
  it('are not found, nor taken for known, by one another', () => {
    const cache = new ConversationCache({ limitBytes: 1000, isIndivisible: false });
    const tokens = [1, 2, 3];
    cache.keep({ tokens, prefilled: 3, scope: 'one' }, new Uint8Array(10));
    cache.keep({ tokens, prefilled: 3, scope: 'other' }, new Uint8Array(10));

    expect(cache.size).toBe(2);
    expect(cache.has(tokens, 'one')).toBe(true);
    expect(cache.has(tokens)).toBe(false);
    expect(cache.longestCommon(tokens, 'other')).toBe(3);
    expect(cache.longestCommon(tokens, 'third')).toBe(0);
  });
});
