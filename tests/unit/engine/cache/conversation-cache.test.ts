import { describe, expect, it } from 'vitest';
import {
  ConversationCache,
  countCommon,
  type FoundConversation,
} from '../../../../src/engine/cache/conversation-cache.ts';
import { parseKvState, toKvState } from '../../../../src/engine/cache/kv-state.ts';
import type { Token } from '../../../../src/engine/token.ts';

const shape = { streams: 1, layers: 1, parts: [{ type: 1, rowBytes: 10 }] };

/** A state whose rows tell their tokens. */
function stateOf(tokens: readonly Token[]): Uint8Array {
  const bytes = Uint8Array.from(tokens.flatMap((token) => new Array<number>(10).fill(token)));
  return toKvState(shape, [{ tokens: tokens.length, bytes }], tokens.length);
}

function tokensOf(state: Uint8Array | undefined): readonly Token[] {
  const parsed = parseKvState(state ?? new Uint8Array());
  const bytes = parsed?.slice(0, parsed.tokens).bytes ?? [];
  return [...bytes].filter((_, index) => index % 10 === 0);
}

const range = (from: number, to: number) => Array.from({ length: to - from }, (_, index) => from + index);

function createCache(limitBytes = 1_000_000, isIndivisible = false) {
  const cache = new ConversationCache({ limitBytes, isIndivisible });
  const keep = (tokens: readonly Token[]) => cache.keep({ tokens, prefilled: 0 }, stateOf(tokens));
  const find = (prompt: readonly Token[]): FoundConversation | undefined =>
    cache.find(({ tokens }) => countCommon(tokens, prompt));
  return { cache, keep, find };
}

describe('conversations', () => {
  it('are found by their longest common beginning', () => {
    const { keep, find } = createCache();
    keep([...range(0, 40), 90, 91]);
    keep([...range(0, 50), 80, 81]);
    const found = find(range(0, 45));

    expect(found?.tokens).toBe(45);
    expect(found?.stateTokens).toEqual(range(0, 45));
    expect(tokensOf(found?.toState())).toEqual(range(0, 45));
    expect(find([9, 9])).toBeUndefined();
  });

  it('are restored from the state that was kept, without a copy, while there is room', () => {
    const { cache, find } = createCache();
    const state = stateOf(range(0, 60));
    cache.keep({ tokens: range(0, 60), prefilled: 0 }, state);

    expect(find(range(0, 70))?.toState()).toBe(state);
    expect(cache.bytes).toBe(state.byteLength);
  });

  it('share the segments of their beginning when there is no other room', () => {
    const { cache, keep, find } = createCache(2000);
    for (const end of [100, 110, 120]) keep([...range(0, 60), ...new Array<number>(20).fill(end)]);

    expect(cache.size).toBe(3);
    expect(cache.bytes).toBe((60 + 3 * 20) * 10);
    for (const end of [100, 110, 120]) {
      const text = [...range(0, 60), ...new Array<number>(20).fill(end)];
      expect(tokensOf(find(text)?.toState())).toEqual(text);
    }
  });

  it('replace their earlier turns', () => {
    const { cache, keep } = createCache();
    for (const length of [40, 70, 200]) keep(range(0, length));

    expect([cache.size, cache.bytes]).toEqual([1, stateOf(range(0, 200)).byteLength]);
  });

  it('go by least recent use when there is no room', () => {
    const { cache, keep, find } = createCache(1400);
    const texts = [1, 2, 3].map((token) => new Array<number>(50).fill(token));
    keep(texts[0] ?? []);
    keep(texts[1] ?? []);
    find(texts[0] ?? []);
    keep(texts[2] ?? []);

    expect(texts.map((text) => find(text)?.tokens)).toEqual([50, undefined, 50]);
    expect(cache.bytes).toBe(1000);
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
    expect(found).toMatchObject({ tokens: 2, prefilled: 2, stateTokens: [1, 2, 3] });
    expect(found?.toState()).toBe(state);
  });
});

describe('a state that may lack the last tokens', () => {
  it('is kept only where its layout tells how many it has', () => {
    const { cache, find } = createCache();
    cache.keep({ tokens: [1, 2, 3], prefilled: 2 }, Uint8Array.of(1, 2, 3), false);
    expect(cache.size).toBe(0);

    cache.keep({ tokens: [1, 2, 3], prefilled: 2 }, stateOf([1, 2]), false);
    expect(find([1, 2, 3])?.stateTokens).toEqual([1, 2]);
  });
});

describe('a model that can only go on', () => {
  it('finds what a prompt has whole, an earlier turn too', () => {
    const { cache, keep, find } = createCache(1_000_000, true);
    keep(range(0, 40));
    keep(range(0, 60));
    keep(range(0, 60));

    expect(cache.size).toBe(2);
    expect(find([...range(0, 50), 7])?.tokens).toBe(40);
    expect(find(range(0, 70))?.tokens).toBe(60);
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
