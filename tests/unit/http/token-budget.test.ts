import { describe, expect, it } from 'vitest';
import { readTokenBudget, TokenBudget } from '../../../src/http/token-budget.ts';

describe('a budget of tokens', () => {
  it('refuses a caller that has used its tokens within the hour, and no other', () => {
    let now = 0;
    const budget = new TokenBudget(100, 'hour', () => now);
    budget.assertLeft('one');
    budget.spend('one', 99);
    budget.assertLeft('one');
    budget.spend('one', 50);
    now = 60_000;

    expect(() => budget.assertLeft('one')).toThrow(
      expect.objectContaining({
        code: 'token_budget_exceeded',
        status: 429,
        headers: { 'retry-after': '3540' },
      }),
    );
    budget.assertLeft('other');
    now = 3_600_000;
    budget.assertLeft('one');
  });

  it('is off unless it is set', () => {
    expect(readTokenBudget({})).toBeUndefined();
    expect(readTokenBudget({ TOKEN_BUDGET: '200000/hour' })).toBeInstanceOf(TokenBudget);
    expect(readTokenBudget({ TOKEN_BUDGET: '1/day' })).toBeInstanceOf(TokenBudget);
  });

  it.each(['1000', '0/hour', '1.5/hour', '-1/day', '1000/week', '1e6/day', `${'9'.repeat(20)}/day`])(
    'refuses %s',
    (value) => {
      expect(() => readTokenBudget({ TOKEN_BUDGET: value })).toThrow(`TOKEN_BUDGET="${value}"`);
    },
  );
});
