// Summarises samples.
import type { Metric, Sample } from './measurement.ts';

/** The samples of one metric and subject, and their ratio to the baseline. */
export interface Summary {
  readonly measurement: string;
  readonly variant: string;
  readonly metric: string;
  readonly unit: string;
  readonly better: Metric['better'];
  readonly subject: string;
  readonly samples: number;
  readonly median: number;
  readonly minimum: number;
  readonly maximum: number;
  /**
   * The baseline's value divided by this subject's: the median over the rounds that have both. Rounds are compared one
   * by one because a temporary slowdown of the machine affects both samples of a round. Undefined for the baseline
   * itself, and when no round has both.
   */
  readonly baselineRatio?: number;
}

/** Returns the median; the mean of the two middle values for an even count, NaN for an empty list. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  const [low, high] = [sorted[Math.ceil(middle) - 1], sorted[Math.floor(middle)]];
  return low === undefined || high === undefined ? Number.NaN : (low + high) / 2;
}

/** Returns one summary per metric, variant and subject, in the order of their first samples. */
export function summarise(samples: readonly Sample[], baseline: string): Summary[] {
  const groups = Map.groupBy(samples, (sample) => toKey(sample, sample.subject));
  return [...groups.values()].flatMap((group) => {
    const [first] = group;
    if (first === undefined) return [];
    const { measurement, variant, metric, unit, better, subject } = first;
    const values = group.map(({ value }) => value);
    const baselineValues = new Map(
      groups.get(toKey(first, baseline))?.map(({ round, value }) => [round, value]),
    );
    const ratios = group.flatMap(({ round, value }) => {
      const baselineValue = baselineValues.get(round);
      return baselineValue === undefined ? [] : [baselineValue / value];
    });
    return {
      measurement,
      variant,
      metric,
      unit,
      better,
      subject,
      samples: values.length,
      median: median(values),
      minimum: Math.min(...values),
      maximum: Math.max(...values),
      ...(subject !== baseline && ratios.length > 0 && { baselineRatio: median(ratios) }),
    };
  });
}

function toKey({ measurement, variant, metric }: Sample, subject: string): string {
  return JSON.stringify([measurement, variant, metric, subject]);
}
