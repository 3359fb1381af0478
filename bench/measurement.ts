// Defines measurements, and takes interleaved samples of several contenders.
import type { BenchModel, Subject } from './subjects/subject.ts';

export interface Metric {
  readonly name: string;
  readonly unit: string;
  readonly better: 'higher' | 'lower';
  /** The goal of this project. */
  readonly goal?: Goal;
}

/**
 * A limit for this project's median (`atMost`), for its ratio to another subject (`timesOf`), or for its difference to
 * another subject (`moreThan`).
 */
export type Goal =
  | { readonly atMost: number }
  | { readonly timesOf: string; readonly atLeast: number }
  | { readonly timesOf: string; readonly atMost: number }
  | { readonly moreThan: string; readonly atMost: number };

/** One measured value with its full description: a row of a table or a point of a plot. */
export interface Sample {
  readonly measurement: string;
  /** The condition of the measurement, such as `2 threads`. */
  readonly variant: string;
  readonly metric: string;
  readonly unit: string;
  readonly better: Metric['better'];
  readonly subject: string;
  /** Samples of one round were taken directly after one another. */
  readonly round: number;
  readonly value: number;
}

/** The input of a measurement. */
export interface Bench {
  /** This project first, then the installed peers. */
  readonly subjects: readonly Subject[];
  /** Undefined when llama-bench is not installed. */
  readonly llamaBench: LlamaBench | undefined;
  readonly model: BenchModel;
  /** Samples per contender. */
  readonly rounds: number;
  /** Threads of each server. */
  readonly threads: number;
  /** The conversations to measure, by name; undefined measures all. */
  readonly scenes: readonly string[] | undefined;
}

/**
 * Returns llama.cpp's tokens per second without a server: of a prompt with `prompt` tokens, or of `generated` tokens
 * after `depth` prompt tokens.
 */
export type LlamaBench = (
  tokens: { readonly prompt: number } | { readonly generated: number; readonly depth: number },
  threads: number,
) => Promise<number>;

export interface Measurement {
  /** Name on the command line. */
  readonly name: string;
  readonly description: string;
  readonly metrics: readonly Metric[];
  /** Default: false. */
  readonly needsContainers?: boolean;
  run(bench: Bench): Promise<readonly Sample[]>;
}

/** One participant of a measurement. */
export interface Contender {
  readonly subject: string;
  /** Takes a sample of each metric that it supports, keyed by metric. Rounds count from 0; the warm-up is -1. */
  take(round: number): Promise<Readonly<Record<string, number>>>;
}

/**
 * Takes samples of all contenders round by round, so that other load on the machine affects all of them. Every other
 * round is in reverse order. The samples of a warm-up round before the first are discarded.
 */
export async function interleave(
  measurement: Pick<Measurement, 'name' | 'metrics'>,
  variant: string,
  contenders: readonly Contender[],
  rounds: number,
): Promise<Sample[]> {
  const samples: Sample[] = [];
  for (let round = -1; round < rounds; round += 1) {
    for (const { subject, take } of round % 2 === 0 ? contenders : contenders.toReversed()) {
      const values = await take(round);
      if (round >= 0) samples.push(...toSamples(measurement, { variant, subject, round }, values));
    }
  }
  return samples;
}

/** Returns a sample of each metric that has a value. */
export function toSamples(
  { name, metrics }: Pick<Measurement, 'name' | 'metrics'>,
  taken: Pick<Sample, 'variant' | 'subject' | 'round'>,
  values: Readonly<Record<string, number>>,
): Sample[] {
  return metrics.flatMap(({ name: metric, unit, better }) => {
    const value = values[metric];
    return value === undefined ? [] : { measurement: name, metric, unit, better, ...taken, value };
  });
}

/** Returns `1 thread`, `2 threads` and so on. */
export function threadsVariant(threads: number): string {
  return `${threads} thread${threads === 1 ? '' : 's'}`;
}
