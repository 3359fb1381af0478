import { expect, test } from 'vitest';
import { toPlot } from '../../../bench/plot.ts';
import { type Report, toReport } from '../../../bench/report.ts';
import type { Subject } from '../../../bench/subjects/subject.ts';

const subject = (name: string): Subject => ({
  name,
  version: '1',
  command: () => ({ program: 'none', args: [] }),
});

function report(names = ['ours', 'theirs'], metrics = ['decode']): Report {
  const [ours = '', theirs = ''] = names;
  const metric = { name: 'decode', unit: 'tokens/s', better: 'higher' } as const;
  const sample = (name: string, value: number, variant: string, metricName = metric.name as string) => ({
    measurement: 'speed',
    variant,
    metric: metricName,
    unit: metric.unit,
    better: metric.better,
    subject: name,
    round: 0,
    value,
  });
  return toReport({
    subjects: names.map(subject),
    model: { name: 'a-model', directory: '/m', path: '/m/a.gguf', bytes: 1 },
    measurements: [{ name: 'speed', description: 'its speed', metrics: [metric], run: async () => [] }],
    samples: metrics.flatMap((name) => [
      sample(ours, 30, '1 thread', name),
      sample(theirs, 20, '1 thread', name),
      sample(ours, 50, '2 threads', name),
    ]),
  });
}

test('plots a panel per metric with a bar per variant and subject, and the description', async () => {
  const svg = await toPlot(report(), 'speed');

  expect(svg).toMatch(/^<svg /);
  for (const text of [
    'its speed',
    'a-model',
    '1 thread: ours',
    '1 thread: theirs',
    '2 threads: ours',
    '>decode<',
    'tokens/s (higher is better)',
  ])
    expect(svg).toContain(text);
  // One bar for each of the three summaries.
  expect(svg.match(/role="graphics-symbol" aria-roledescription="bar"/g)).toHaveLength(3);
});

const coloursOf = (svg: string) =>
  [...svg.matchAll(/aria-roledescription="bar"[^>]*fill="(#[0-9a-f]+)"/g)].map(([, colour]) => colour);

test('gives a program the same colour in every plot', async () => {
  const [own, server] = coloursOf(await toPlot(report(['gguf-lambda', 'llama-server']), 'speed'));
  const [first, second] = coloursOf(await toPlot(report(['llama-server', 'llama-cpp-python']), 'speed'));

  expect([own, server]).not.toContain(undefined);
  expect(first).toBe(server);
  expect(new Set([own, server, second]).size).toBe(3);
});

test('has no more than six panels', async () => {
  const metrics = Array.from({ length: 9 }, (_, index) => `metric ${index}`);
  const svg = await toPlot(report(undefined, metrics), 'speed');

  expect(metrics.filter((name) => svg.includes(`>${name}<`))).toHaveLength(6);
});

test('breaks long titles, so that the canvas ends where the bars do', async () => {
  const long = { ...report(), model: 'a-model-with-a-name '.repeat(20) };
  const [, width] = /width="(\d+)"/.exec(await toPlot(long, 'speed')) ?? [];

  expect(Number(width)).toBeLessThan(640);
});

test('cuts no label', async () => {
  const name = 'gguf-lambda, by a way in that takes many words to tell from all the others';

  expect(await toPlot(report([name, 'theirs']), 'speed')).toContain(`1 thread: ${name}<`);
});
