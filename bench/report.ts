// Reports a run: as JSON with rows that can be plotted directly, and as a table.
import { arch, cpus, platform, release, totalmem } from 'node:os';
import { formatTable } from '../tools/terminal/format.ts';
import type { Goal, Measurement, Metric, Sample } from './measurement.ts';
import { type Summary, summarise } from './statistics.ts';
import type { BenchModel, Subject } from './subjects/subject.ts';

/** The contents of `samples.json`. */
export interface Report {
  /** Time in ISO 8601. */
  readonly finishedAt: string;
  readonly machine: {
    readonly cpu: string;
    readonly processors: number;
    readonly memoryBytes: number;
    /** Such as `linux x64 6.1.0`. */
    readonly system: string;
    readonly node: string;
  };
  /** The model's name in the catalog. */
  readonly model: string;
  readonly subjects: readonly { readonly name: string; readonly version: string }[];
  readonly measurements: readonly {
    readonly name: string;
    readonly description: string;
    readonly metrics: readonly Metric[];
  }[];
  /** One row per metric, variant and subject. */
  readonly summaries: readonly Summary[];
  /** One row per value. */
  readonly samples: readonly Sample[];
}

export interface Run {
  /** The first one is the baseline of all comparisons. */
  readonly subjects: readonly Subject[];
  readonly model: BenchModel;
  readonly measurements: readonly Measurement[];
  readonly samples: readonly Sample[];
}

export function toReport({ subjects, model, measurements, samples }: Run): Report {
  return {
    finishedAt: new Date().toISOString(),
    machine: {
      cpu: cpus()[0]?.model ?? 'unknown',
      processors: cpus().length,
      memoryBytes: totalmem(),
      system: `${platform()} ${arch()} ${release()}`,
      node: process.version,
    },
    model: model.name,
    subjects: subjects.map(({ name, version }) => ({ name, version })),
    measurements: measurements.map(({ name, description, metrics }) => ({ name, description, metrics })),
    summaries: summarise(samples, subjects[0]?.name ?? ''),
    samples,
  };
}

/** Returns two lines: the date and the machine, then the model and the subjects with their versions. */
export function toHeading({ finishedAt, machine, model, subjects }: Report): string {
  const { cpu, processors, memoryBytes, system, node } = machine;
  const memory = `${(memoryBytes / 1e9).toFixed(0)} GB`;
  return [
    `${finishedAt.slice(0, 10)}: ${cpu}, ${processors} processors, ${memory}; ${system}; Node ${node}`,
    `${model}; ${subjects.map(({ name, version }) => `${name} ${version}`).join(', ')}`,
  ].join('\n');
}

const headings = [
  'MEASUREMENT',
  '',
  'METRIC',
  'SUBJECT',
  'MEDIAN',
  'FROM',
  'TO',
  'N',
  'UNIT',
  'OURS / ITS',
  'WANTED',
];

/** Formats a line for each summary. */
export function toTable({ measurements, summaries, subjects }: Report): string {
  const rows = summaries.map((summary, index) => {
    const { measurement, variant, metric, subject, unit, samples, baselineRatio } = summary;
    const before = summaries[index - 1];
    const repeats = before?.measurement === measurement && before.variant === variant;
    const goal = measurements
      .find(({ name }) => name === measurement)
      ?.metrics.find(({ name }) => name === metric)?.goal;
    return [
      repeats ? '' : measurement,
      repeats ? '' : variant,
      repeats && before.metric === metric ? '' : metric,
      subject,
      ...[summary.median, summary.minimum, summary.maximum].map(toFigure),
      String(samples),
      unit,
      baselineRatio === undefined ? '' : baselineRatio.toFixed(2),
      goal === undefined ? '' : toVerdict(goal, summary, summaries, subjects[0]?.name),
    ];
  });
  return formatTable([headings, ...rows], [4, 5, 6, 7, 9]);
}

/** Returns the goal and its result. It is empty on lines of subjects that the goal does not name. */
function toVerdict(
  goal: Goal,
  summary: Summary,
  summaries: readonly Summary[],
  own: string | undefined,
): string {
  const verdict = (limit: string, isMet: boolean) => `${limit}: ${isMet ? 'yes' : 'NO'}`;
  const { subject, unit, median, baselineRatio } = summary;
  if ('timesOf' in goal) {
    if (subject !== goal.timesOf || baselineRatio === undefined) return '';
    return 'atLeast' in goal
      ? verdict(`at least ${goal.atLeast.toFixed(2)}`, baselineRatio >= goal.atLeast)
      : verdict(`at most ${goal.atMost.toFixed(2)}`, baselineRatio <= goal.atMost);
  }
  if ('moreThan' in goal) {
    const ours = summaries.find(
      (other) =>
        other.subject === own &&
        other.measurement === summary.measurement &&
        other.variant === summary.variant &&
        other.metric === summary.metric,
    );
    if (subject !== goal.moreThan || ours === undefined) return '';
    const more = ours.median - median;
    return verdict(`at most ${goal.atMost} ${unit} more (${toFigure(more)})`, more <= goal.atMost);
  }
  return subject === own ? verdict(`at most ${goal.atMost} ${unit}`, median <= goal.atMost) : '';
}

function toFigure(value: number): string {
  return value.toFixed(value < 10 ? 2 : value < 1000 ? 1 : 0);
}
