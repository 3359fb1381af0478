import { expect, test } from 'vitest';
import { dollarsPerMillionTokens, extrapolate } from '../../../bench/cost.ts';

test('a million tokens cost the seconds that they take, by the memory that is held meanwhile', () => {
  // 10,000 seconds of two gigabytes.
  expect(dollarsPerMillionTokens(2048, 100, 'x86_64')).toBeCloseTo(20_000 * 0.0000166667, 6);
  expect(dollarsPerMillionTokens(2048, 100, 'arm64')).toBeCloseTo(20_000 * 0.0000133334, 6);
});

test('more threads than were measured share what two have shared, and no more', () => {
  expect(extrapolate(50, 100, 4)).toBeCloseTo(200, 6);
  expect(extrapolate(60, 90, 1)).toBeCloseTo(60, 6);
  expect(extrapolate(60, 90, 2)).toBeCloseTo(90, 6);
  // Two are no reason to expect that eight are more than eight times as fast.
  expect(extrapolate(50, 110, 8)).toBeCloseTo(400, 6);
  // A third of a token's time is not shared.
  expect(extrapolate(60, 90, 1e9)).toBeCloseTo(180, 3);
});
