import { expect, it } from 'vitest';
import { TransferTime } from '../../../src/archive/transfer-time.ts';

it('begins with its guess', () => {
  const time = new TransferTime({ delayMs: 100, bytesPerMs: 50_000 });

  expect(time.expect(0)).toBe(100);
  expect(time.expect(50_000_000)).toBe(1_100);
});

it('approaches what it observes', () => {
  const time = new TransferTime({ delayMs: 100, bytesPerMs: 50_000 });
  for (let index = 0; index < 30; index += 1) {
    time.learnDelay(20);
    time.learn(10_000_000, 120);
  }

  expect(time.expect(0)).toBeCloseTo(20, 1);
  expect(time.expect(20_000_000)).toBeCloseTo(220, 0);
});

it('is not misled by a small state', () => {
  const time = new TransferTime({ delayMs: 1, bytesPerMs: 50_000 });
  time.learn(10, 500);

  expect(time.expect(50_000_000)).toBeCloseTo(1_001);
});
