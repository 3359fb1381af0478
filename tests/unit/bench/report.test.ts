import { expect, test } from 'vitest';
import type { Measurement, Sample } from '../../../bench/measurement.ts';
import { toHeading, toReport, toTable } from '../../../bench/report.ts';
import type { Subject } from '../../../bench/subjects/subject.ts';

const subject = (name: string): Subject => ({
  name,
  version: '1.2.3',
  command: () => ({ program: 'none', args: [] }),
});

const streams: Measurement = {
  name: 'streams',
  description: 'eight parallel streams',
  metrics: [
    { name: 'throughput', unit: 'tokens/s', better: 'higher', goal: { timesOf: 'peer', atLeast: 1 } },
    { name: 'overhead', unit: 'ms', better: 'lower', goal: { atMost: 2 } },
  ],
  run: async () => [],
};

function sample(subject: string, metric: string, value: number): Sample {
  const { unit, better } = streams.metrics.find(({ name }) => name === metric) ?? {
    unit: '',
    better: 'lower',
  };
  return { measurement: 'streams', variant: '2 threads', metric, unit, better, subject, round: 0, value };
}

function report(ours: number, overhead: number) {
  return toReport({
    subjects: [subject('ours'), subject('peer')],
    model: { name: 'a-model', directory: '/models/a-model', path: '/models/a-model/a.gguf', bytes: 1 },
    measurements: [streams],
    samples: [
      sample('ours', 'throughput', ours),
      sample('peer', 'throughput', 100),
      sample('ours', 'overhead', overhead),
      sample('peer', 'overhead', 9),
    ],
  });
}

test('the table shows the result of each goal on the line of its subject', () => {
  const [, ours, peer, overhead, peerOverhead] = toTable(report(120, 3)).split('\n');

  expect(ours).toMatch(/^streams +2 threads +throughput +ours +120\.0 .* tokens\/s$/);
  expect(peer).toMatch(/^ +peer +100\.0 .* 1\.20 +at least 1\.00: yes$/);
  expect(overhead).toMatch(/^ +overhead +ours +3\.00 .* at most 2 ms: NO$/);
  expect(peerOverhead).toMatch(/0\.33$/);
});

test('the table marks a ratio below its goal with NO', () => {
  expect(toTable(report(90, 1))).toMatch(/0\.90 +at least 1\.00: NO/);
});

test('the report contains the machine, the subjects and rows that can be plotted', () => {
  const { machine, model, subjects, measurements, summaries, samples } = report(120, 1);

  expect(machine.processors).toBeGreaterThan(0);
  expect(model).toBe('a-model');
  expect(subjects).toEqual([
    { name: 'ours', version: '1.2.3' },
    { name: 'peer', version: '1.2.3' },
  ]);
  expect(measurements).toEqual([
    { name: 'streams', description: 'eight parallel streams', metrics: streams.metrics },
  ]);
  expect(samples).toHaveLength(4);
  expect(summaries).toContainEqual({
    measurement: 'streams',
    variant: '2 threads',
    metric: 'throughput',
    unit: 'tokens/s',
    better: 'higher',
    subject: 'peer',
    samples: 1,
    median: 100,
    minimum: 100,
    maximum: 100,
    baselineRatio: 1.2,
  });
});

test('the heading contains the date, the machine, the model and the versions', () => {
  const machine = {
    cpu: 'A CPU',
    processors: 2,
    memoryBytes: 24e9,
    system: 'linux x64 6.1.0',
    node: 'v24.0.0',
  };
  const heading = toHeading({ ...report(120, 1), finishedAt: '2026-11-28T16:00:00.000Z', machine });

  expect(heading).toBe(
    '2026-11-28: A CPU, 2 processors, 24 GB; linux x64 6.1.0; Node v24.0.0\na-model; ours 1.2.3, peer 1.2.3',
  );
});
