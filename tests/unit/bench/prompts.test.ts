import { expect, test } from 'vitest';
import { storyPrompts, textOfTokens } from '../../../bench/prompts.ts';

const rounds = Array.from({ length: 100 }, (_, index) => index - 1);

test('no two rounds have a text with the same beginning', () => {
  const beginnings = rounds.map((round) => textOfTokens(512, round).split(' ').slice(0, 8).join(' '));

  expect(new Set(beginnings).size).toBe(rounds.length);
});

test('a text has a word for each token', () => {
  expect(textOfTokens(512, 3).split(' ')).toHaveLength(512);
});

test('the prompts of all rounds differ', () => {
  const prompts = rounds.flatMap((round) => storyPrompts(round));

  expect(new Set(prompts).size).toBe(8 * rounds.length);
});
