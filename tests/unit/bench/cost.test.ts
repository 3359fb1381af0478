import { expect, test } from 'vitest';
import { dollarsPerMillionTokens, extrapolate } from '../../../bench/cost.ts';

test('computes the cost of a million tokens from their seconds and the memory', () => {
  // 10,000 seconds with 2 GB.
  expect(dollarsPerMillionTokens(2048, 100, 'x86_64')).toBeCloseTo(20_000 * 0.0000166667, 6);
  expect(dollarsPerMillionTokens(2048, 100, 'arm64')).toBeCloseTo(20_000 * 0.0000133334, 6);
});

test("extrapolates to more threads by Amdahl's law", () => {
  expect(extrapolate(50, 100, 4)).toBeCloseTo(200, 6);
  expect(extrapolate(60, 90, 1)).toBeCloseTo(60, 6);
  expect(extrapolate(60, 90, 2)).toBeCloseTo(90, 6);
  // Superlinear scaling from one to two threads counts as linear.
  expect(extrapolate(50, 110, 8)).toBeCloseTo(400, 6);
  // A third of the time per token is serial.
  expect(extrapolate(60, 90, 1e9)).toBeCloseTo(180, 3);
});
