// What a measurement is, and how samples of several contenders are taken side by side.
import type { BenchModel, Subject } from './subjects/subject.ts';

export interface Metric {
  readonly name: string;
  readonly unit: string;
  readonly better: 'higher' | 'lower';
  /** What this project wants of itself. */
  readonly goal?: Goal;
}

/** A bound for this project's own median, for its ratio to another's, or for how much more than another's it is. */
export type Goal =
  | { readonly atMost: number }
  | { readonly timesOf: string; readonly atLeast: number }
  | { readonly timesOf: string; readonly atMost: number }
  | { readonly moreThan: string; readonly atMost: number };

/** One value, with all that tells it from others: a row of a table or a point of a plot. */
export interface Sample {
  readonly measurement: string;
  /** The circumstances, such as `2 threads`. */
  readonly variant: string;
  readonly metric: string;
  readonly unit: string;
  readonly better: Metric['better'];
  readonly subject: string;
  /** Samples of one round were taken one right after the other. */
  readonly round: number;
  readonly value: number;
}

/** What a measurement works with. */
export interface Bench {
  /** This project first, then the peers that are installed. */
  readonly subjects: readonly Subject[];
  /** llama.cpp's own benchmark, where it is installed. */
  readonly llamaBench: LlamaBench | undefined;
  readonly model: BenchModel;
  /** Samples to take of each contender. */
  readonly rounds: number;
  /** Threads that decode. */
  readonly threads: number;
}

/** Tokens per second of llama.cpp without a server, for a prompt of so many tokens or for so many generated. */
export type LlamaBench = (
  tokens: { readonly prompt: number } | { readonly generated: number; readonly behind: number },
  threads: number,
) => Promise<number>;

export interface Measurement {
  /** As the command line names it. */
  readonly name: string;
  readonly description: string;
  readonly metrics: readonly Metric[];
  /** Whether it takes a container engine. */
  readonly needsContainers?: boolean;
  run(bench: Bench): Promise<readonly Sample[]>;
}

/** Who takes part in a measurement. */
export interface Contender {
  readonly subject: string;
  /** Takes a sample of each metric it knows, by the metric's name. Rounds count from 0; the warm-up is -1. */
  take(round: number): Promise<Readonly<Record<string, number>>>;
}

/**
 * Takes a sample of each contender in turn, round by round, so that they share whatever else the machine does. Every
 * other round goes in the opposite direction. A round before the first warms up and counts for nothing.
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
      if (round < 0) continue;
      samples.push(
        ...measurement.metrics.flatMap(({ name: metric, unit, better }) => {
          const value = values[metric];
          return value === undefined
            ? []
            : { measurement: measurement.name, variant, metric, unit, better, subject, round, value };
        }),
      );
    }
  }
  return samples;
}

/** `1 thread`, `2 threads`. */
export function threadsVariant(threads: number): string {
  return `${threads} thread${threads === 1 ? '' : 's'}`;
}
