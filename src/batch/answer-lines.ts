// Answers many lines at once, as many as the engine has slots, for as long as there is time.

import { RequestError } from '../errors/request-error.ts';
import type { RequestContext } from '../generation/context.ts';
import type { Service } from '../http/service.ts';
import { answerLine } from './answer-line.ts';
import { findCustomId } from './batch-line.ts';
import { type BatchResult, toFailedLine, toResultId } from './batch-result.ts';

/** A line, and where it stands among those it came with. */
export interface NumberedLine {
  readonly number: number;
  readonly text: Uint8Array;
}

export interface AnswerLinesOptions<Line extends NumberedLine = NumberedLine> {
  /** Makes the request context of a line. */
  readonly toContext: (line: NumberedLine) => RequestContext;
  /** Milliseconds that answers may take from now; infinity where nothing ends. */
  readonly remainingMs: () => number;
  /** Whether another line may be begun at all. Default: always. */
  readonly mayBegin?: () => boolean;
  /** Whether lines are answered one after the other, though the engine has more slots. Default false. */
  readonly alone?: boolean;
  /** Called before a line is begun; one that it is false for has ended an environment before, and is a failure. */
  readonly begin?: (line: NumberedLine) => Promise<boolean>;
  /** Keeps a result. A line whose result cannot be kept has failed, and is not handed back. */
  readonly keep: (line: Line, result: BatchResult) => Promise<void>;
  readonly log: (error: unknown) => void;
  /** Ends everything. */
  readonly signal?: AbortSignal;
}

export interface AnsweredLines<Line extends NumberedLine> {
  /** Those that there was no time for, by their numbers. */
  readonly handedBack: readonly Line[];
  /** How many lines have a result now. */
  readonly kept: number;
}

/**
 * Answers lines and keeps each result as soon as it is there. Lines that there was no time for are handed back: a line is
 * not begun when it might take longer than is left, judged by the longest so far, and one that the deadline cut short, or
 * that found every slot taken, is not kept. Only a line that was answered alone, had all the time there is, and did not get
 * done, is a failure: it never would be.
 *
 * @throws the first reason why a result could not be kept, after the lines under way have ended
 */
export async function answerLines<Line extends NumberedLine>(
  lines: readonly Line[],
  service: Service,
  options: AnswerLinesOptions<Line>,
): Promise<AnsweredLines<Line>> {
  const { toContext, remainingMs, mayBegin = () => true, begin, signal } = options;
  // Models that make vectors have no slots; they take one line after the other.
  const atOnce = options.alone ? 1 : Math.max(1, service.engine.slots);
  const first = new Set(lines.slice(0, atOnce));
  const waiting = [...lines];
  const handedBack: Line[] = [];
  let kept = 0;
  let longestMs = 0;
  let failed = false;

  const keep = async (line: Line, result: BatchResult): Promise<void> => {
    await options.keep(line, result);
    kept += 1;
  };

  const answerNext = async (): Promise<void> => {
    for (;;) {
      signal?.throwIfAborted();
      const line = waiting[0];
      if (line === undefined || failed || !mayBegin()) return;
      const isFirst = first.has(line);
      if (!isFirst && remainingMs() < longestMs) return;
      waiting.shift();
      if (begin !== undefined && !(await begin(line))) {
        await keep(line, toFailure(line, toContext(line).id, 'environment_ended'));
        continue;
      }
      const begunAt = performance.now();
      const { result, isCutShort } = await answerLine(line.text, service, toContext(line));
      longestMs = Math.max(longestMs, performance.now() - begunAt);
      if (!isCutShort) await keep(line, result);
      else if (isFirst && atOnce === 1)
        await keep(line, toFailure(line, toContext(line).id, 'deadline_exceeded'));
      else handedBack.push(line);
    }
  };

  const ends = await Promise.allSettled(
    Array.from({ length: atOnce }, () =>
      answerNext().catch((error: unknown) => {
        failed = true;
        throw error;
      }),
    ),
  );
  for (const end of ends) if (end.status === 'rejected') throw end.reason;
  handedBack.push(...waiting);
  return { handedBack: handedBack.toSorted((one, other) => one.number - other.number), kept };
}

const reasons = {
  deadline_exceeded:
    'The answer took longer than one invocation may: ask for fewer tokens, or raise the timeout.',
  environment_ended: 'The environment ended while it answered this line, as it had with others before.',
} as const;

function toFailure({ text }: NumberedLine, id: string, code: keyof typeof reasons): BatchResult {
  return toFailedLine(toResultId(id), findCustomId(text), new RequestError(code, reasons[code]));
}
