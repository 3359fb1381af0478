// Answers lines in parallel, one per engine slot, until the time runs out.
import { RequestError } from '../errors/request-error.ts';
import type { RequestContext } from '../generation/context.ts';
import type { Service } from '../http/service.ts';
import { answerLine } from './answer-line.ts';
import { findCustomId } from './batch-line.ts';
import { type BatchResult, toFailedLine, toResultId } from './batch-result.ts';

/** A line with its index in the batch or in the event. */
export interface NumberedLine {
  readonly number: number;
  readonly text: Uint8Array;
}

export interface AnswerLinesOptions<Line extends NumberedLine = NumberedLine> {
  readonly toContext: (line: NumberedLine) => RequestContext;
  /** Milliseconds left for answers; infinity when there is no deadline. */
  readonly remainingMs: () => number;
  /** Returns false when no further line may be started. Default: always true. */
  readonly mayStart?: () => boolean;
  /** Answers one line at a time, even when the engine has more slots. Default: false. */
  readonly alone?: boolean;
  /** Called before a line is started. Returns false for a line that has crashed an environment; that line fails. */
  readonly tryStart?: (line: Line) => Promise<boolean>;
  /** Saves a result. When it throws, no more lines are started. */
  readonly save: (line: Line, result: BatchResult) => Promise<void>;
  readonly log: (error: unknown) => void;
  /** Aborts all lines. */
  readonly signal?: AbortSignal;
}

export interface AnsweredLines<Line extends NumberedLine> {
  /** Lines without a result, sorted by number: there was no time or no slot for them. */
  readonly unfinished: readonly Line[];
  /** Number of saved results. */
  readonly saved: number;
}

/**
 * Answers lines and saves each result at once. A line is not started when less time is left than the slowest line took.
 * A line stays unfinished when the deadline ends its answer early or it finds no free slot.
 *
 * A line fails with `deadline_exceeded` only when it was answered alone and first, so that it had all the time there is.
 * Another invocation would not finish it either.
 *
 * @throws the first error of `save`, after the lines in progress have ended
 */
export async function answerLines<Line extends NumberedLine>(
  lines: readonly Line[],
  service: Service,
  options: AnswerLinesOptions<Line>,
): Promise<AnsweredLines<Line>> {
  const { toContext, remainingMs, mayStart = () => true, tryStart, signal } = options;
  // Embedding models have no slots and answer one line at a time.
  const concurrency = options.alone ? 1 : Math.max(1, service.engine.slots);
  const first = new Set(lines.slice(0, concurrency));
  const waiting = [...lines];
  const unfinished: Line[] = [];
  let saved = 0;
  let longestMs = 0;
  let failed = false;

  const save = async (line: Line, result: BatchResult): Promise<void> => {
    await options.save(line, result);
    saved += 1;
  };

  const answerNext = async (): Promise<void> => {
    for (;;) {
      signal?.throwIfAborted();
      const line = waiting[0];
      if (line === undefined || failed || !mayStart()) return;
      const isFirst = first.has(line);
      if (!isFirst && remainingMs() < longestMs) return;
      waiting.shift();
      if (tryStart !== undefined && !(await tryStart(line))) {
        await save(line, toFailure(line, toContext(line).id, 'environment_ended'));
        continue;
      }
      const startedAt = performance.now();
      const { result, isIncomplete } = await answerLine(line.text, service, toContext(line));
      longestMs = Math.max(longestMs, performance.now() - startedAt);
      if (!isIncomplete) await save(line, result);
      else if (isFirst && concurrency === 1)
        await save(line, toFailure(line, toContext(line).id, 'deadline_exceeded'));
      else unfinished.push(line);
    }
  };

  const ends = await Promise.allSettled(
    Array.from({ length: concurrency }, () =>
      answerNext().catch((error: unknown) => {
        failed = true;
        throw error;
      }),
    ),
  );
  for (const end of ends) if (end.status === 'rejected') throw end.reason;
  unfinished.push(...waiting);
  return { unfinished: unfinished.toSorted((one, other) => one.number - other.number), saved };
}

const reasons = {
  deadline_exceeded:
    'The answer takes longer than one invocation may last: request fewer tokens, or raise the timeout.',
  environment_ended:
    'The environment crashed while it answered this line: shorten the request, or raise the memory.',
} as const;

function toFailure({ text }: NumberedLine, id: string, code: keyof typeof reasons): BatchResult {
  return toFailedLine(toResultId(id), findCustomId(text), new RequestError(code, reasons[code]));
}
