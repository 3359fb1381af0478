import { expect, test } from 'vitest';
import type { Sample } from '../../../bench/measurement.ts';
import { median, summarise } from '../../../bench/statistics.ts';

function sample(subject: string, round: number, value: number): Sample {
  return {
    measurement: 'decode',
    variant: '1 thread',
    metric: 'decode',
    unit: 'tokens/s',
    better: 'higher',
    subject,
    round,
    value,
  };
}

test.each([
  [[3, 1, 2], 2],
  [[4, 1, 3, 2], 2.5],
  [[7], 7],
  [[], Number.NaN],
])('median of %j is %d', (values, expected) => {
  expect(median(values)).toBe(expected);
});

test('compares a subject with the baseline round by round', () => {
  const samples = [
    ...[100, 20, 100].map((value, round) => sample('ours', round, value)),
    ...[50, 10, 40].map((value, round) => sample('peer', round, value)),
  ];

  const [ours, peer] = summarise(samples, 'ours');

  expect(ours).toMatchObject({ subject: 'ours', samples: 3, median: 100, minimum: 20, maximum: 100 });
  expect(ours).not.toHaveProperty('baselineRatio');
  expect(peer).toMatchObject({ subject: 'peer', median: 40, baselineRatio: 2 });
});

test('ignores rounds that only one of two subjects has in the ratio', () => {
  const samples = [sample('ours', 0, 30), sample('peer', 0, 10), sample('peer', 1, 1), sample('other', 5, 1)];

  const summaries = summarise(samples, 'ours');

  expect(summaries.map(({ subject, baselineRatio }) => [subject, baselineRatio])).toEqual([
    ['ours', undefined],
    ['peer', 3],
    ['other', undefined],
  ]);
});

test('summarises variants and metrics separately', () => {
  const one = sample('ours', 0, 1);
  const samples = [
    one,
    { ...one, variant: '2 threads', value: 2 },
    { ...one, metric: 'first token', value: 3 },
  ];

  expect(summarise(samples, 'ours').map((summary) => summary.median)).toEqual([1, 2, 3]);
});
