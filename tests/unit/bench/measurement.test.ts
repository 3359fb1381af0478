import { expect, test } from 'vitest';
import { type Contender, interleave } from '../../../bench/measurement.ts';

const measurement = {
  name: 'decode',
  metrics: [
    { name: 'rate', unit: 'tokens/s', better: 'higher' as const },
    { name: 'wait', unit: 'ms', better: 'lower' as const },
  ],
};

test('interleaves contenders in alternating order and discards the warm-up', async () => {
  const taken: string[] = [];
  const contender = (subject: string): Contender => ({
    subject,
    take: async (round) => {
      taken.push(`${subject}${round}`);
      return { rate: round };
    },
  });

  const samples = await interleave(measurement, '1 thread', [contender('a'), contender('b')], 3);

  expect(taken).toEqual(['b-1', 'a-1', 'a0', 'b0', 'b1', 'a1', 'a2', 'b2']);
  expect(samples.map(({ subject, round, value }) => [subject, round, value])).toEqual([
    ['a', 0, 0],
    ['b', 0, 0],
    ['b', 1, 1],
    ['a', 1, 1],
    ['a', 2, 2],
    ['b', 2, 2],
  ]);
});

test('describes each sample fully and skips metrics that a contender does not support', async () => {
  const contender: Contender = { subject: 'a', take: async () => ({ wait: 12 }) };

  const samples = await interleave(measurement, '2 threads', [contender], 1);

  expect(samples).toEqual([
    {
      measurement: 'decode',
      variant: '2 threads',
      metric: 'wait',
      unit: 'ms',
      better: 'lower',
      subject: 'a',
      round: 0,
      value: 12,
    },
  ]);
});
