// Answers many lines at once, as many as the engine has slots, for as long as there is time.
import type { Invocation, Service } from '../routes/service.ts';
import { RequestError } from '../wire/errors.ts';
import { answerLine } from './answer-line.ts';
import { findCustomId } from './batch-line.ts';
import { type BatchResult, toFailedLine } from './batch-result.ts';

/** A line, and where it stands among those it came with. */
export interface NumberedLine {
  readonly number: number;
  readonly text: Uint8Array;
}

export interface AnswerLinesOptions {
  /** Makes what is particular to the answer of one line. */
  readonly toInvocation: (line: NumberedLine) => Invocation;
  /** Milliseconds that answers may take from now; infinity where nothing ends. */
  readonly remainingMs: () => number;
  /** Keeps a result. A line whose result cannot be kept has failed, and is not handed back. */
  readonly keep: (line: NumberedLine, result: BatchResult) => Promise<void>;
  readonly log: (error: unknown) => void;
  /** Ends everything. */
  readonly signal?: AbortSignal;
}

/**
 * Answers lines and keeps each result as soon as it is there. Lines that there was no time for are handed back: a line is
 * not begun when it might take longer than is left, judged by the longest so far, and one that the deadline cut short is not
 * kept. A line that had all the time there is, and did not get done, is a failure: it never would be.
 *
 * @returns the numbers of the lines that are handed back
 * @throws the first reason why a result could not be kept, after the lines under way have ended
 */
export async function answerLines(
  lines: readonly NumberedLine[],
  service: Service,
  options: AnswerLinesOptions,
): Promise<number[]> {
  const { toInvocation, remainingMs, keep, log, signal } = options;
  const waiting = [...lines];
  const handedBack: number[] = [];
  const hadAllTime = new Set(lines.slice(0, service.engine.slots));
  let longestMs = 0;
  let failed = false;

  const answerNext = async (): Promise<void> => {
    for (;;) {
      signal?.throwIfAborted();
      const line = waiting[0];
      if (line === undefined || failed) return;
      const isFirst = hadAllTime.has(line);
      if (!isFirst && remainingMs() < longestMs) return;
      waiting.shift();
      const begunAt = performance.now();
      const { result: answer, isCutShort } = await answerLine(line.text, service, toInvocation(line), log);
      longestMs = Math.max(longestMs, performance.now() - begunAt);
      const result = isCutShort ? (isFirst ? toTooLong(line, answer) : undefined) : answer;
      if (result === undefined) handedBack.push(line.number);
      else await keep(line, result);
    }
  };

  // Models that make vectors have no slots; they take one line after the other.
  const atOnce = Math.max(1, service.engine.slots);
  const ends = await Promise.allSettled(
    Array.from({ length: atOnce }, () =>
      answerNext().catch((error: unknown) => {
        failed = true;
        throw error;
      }),
    ),
  );
  for (const end of ends) if (end.status === 'rejected') throw end.reason;
  return [...handedBack, ...waiting.map(({ number }) => number)].toSorted((one, other) => one - other);
}

function toTooLong({ text }: NumberedLine, { id }: BatchResult): BatchResult {
  const message =
    'The answer took longer than one invocation may: ask for fewer tokens, or raise the timeout.';
  return toFailedLine(id, findCustomId(text), new RequestError('deadline_exceeded', message));
}
