import { expect, test } from 'vitest';
import { toPlot } from '../../../bench/plot.ts';
import { type Report, toReport } from '../../../bench/report.ts';
import type { Subject } from '../../../bench/subjects/subject.ts';

const subject = (name: string): Subject => ({
  name,
  version: '1',
  command: () => ({ program: 'none', args: [] }),
});

function report(): Report {
  const metric = { name: 'decode', unit: 'tokens/s', better: 'higher' } as const;
  const sample = (name: string, value: number, variant: string) => ({
    measurement: 'speed',
    variant,
    metric: metric.name,
    unit: metric.unit,
    better: metric.better,
    subject: name,
    round: 0,
    value,
  });
  return toReport({
    subjects: [subject('ours'), subject('theirs')],
    model: { name: 'a-model', directory: '/m', path: '/m/a.gguf', bytes: 1 },
    measurements: [{ name: 'speed', description: 'its speed', metrics: [metric], run: async () => [] }],
    samples: [
      sample('ours', 30, '1 thread'),
      sample('theirs', 20, '1 thread'),
      sample('ours', 50, '2 threads'),
    ],
  });
}

test('plots a panel per variant with a bar per subject and the description', async () => {
  const svg = await toPlot(report(), 'speed');

  expect(svg).toMatch(/^<svg /);
  for (const text of [
    'its speed',
    'a-model',
    'ours',
    'theirs',
    'decode, 1 thread',
    'decode, 2 threads',
    'tokens/s (higher is better)',
  ])
    expect(svg).toContain(text);
  // One bar for each of the three summaries.
  expect(svg.match(/role="graphics-symbol" aria-roledescription="bar"/g)).toHaveLength(3);
});
