import { describe, expect, it } from 'vitest';
import { reuseRules } from '../../../../src/engine/sequence/reuse-rule.ts';
import { promptOf } from './create-sequences.ts';

describe('the exact rule', () => {
  const tokens = promptOf(300);
  const reuse = (common: number, { prefilled = 300, breaks = [] as number[] } = {}) =>
    reuseRules.exact({ tokens, prefilled }, { tokens: [...tokens.slice(0, common), 0, 0], breaks });

  it.each([
    [63, 0],
    [64, 64],
    [200, 192],
  ])('stops at the last block that both prompts have: %i common tokens, %i reused', (common, reused) => {
    expect(reuse(common)).toBe(reused);
  });

  it('leaves the last token of the prompt to be evaluated', () => {
    const reused = reuseRules.exact({ tokens, prefilled: 300 }, { tokens: tokens.slice(0, 128), breaks: [] });

    expect(reused).toBe(64);
  });

  it('leaves out generated tokens', () => {
    expect(reuse(300, { prefilled: 130 })).toBe(128);
  });

  it('stops at a known prefix where that is longer', () => {
    expect(reuse(110, { breaks: [100] })).toBe(100);
  });
});

describe('the common rule', () => {
  const tokens = promptOf(300);
  const reuse = (prompt: readonly number[]) =>
    reuseRules.common({ tokens, prefilled: 0 }, { tokens: prompt, breaks: [] });

  it('reuses what both begin with to the token, generated tokens too', () => {
    expect(reuse([...tokens.slice(0, 201), 0, 0])).toBe(201);
    expect(reuse([...tokens, 1, 2, 3])).toBe(300);
    expect(reuse([0, ...tokens])).toBe(0);
  });

  it('leaves the last token of the prompt to be evaluated', () => {
    expect(reuse(tokens.slice(0, 128))).toBe(127);
  });
});
