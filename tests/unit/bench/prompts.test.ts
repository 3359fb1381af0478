import { expect, test } from 'vitest';
import { storyPrompts, textOfTokens } from '../../../bench/prompts.ts';

const rounds = Array.from({ length: 100 }, (_, index) => index - 1);

test('textOfTokens starts differently in each round', () => {
  const beginnings = rounds.map((round) => textOfTokens(512, round).split(' ').slice(0, 8).join(' '));

  expect(new Set(beginnings).size).toBe(rounds.length);
});

test('textOfTokens has one word per token', () => {
  expect(textOfTokens(512, 3).split(' ')).toHaveLength(512);
});

test('storyPrompts differ in all rounds', () => {
  const prompts = rounds.flatMap((round) => storyPrompts(round));

  expect(new Set(prompts).size).toBe(8 * rounds.length);
});
