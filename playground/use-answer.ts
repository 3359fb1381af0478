// The answer that is being generated, as a state of the page.
import { useRef, useState } from 'preact/hooks';
import { type Answer, emptyAnswer } from './answer.ts';
import { ApiError, streamAnswer } from './api.ts';
import type { ApiRequest } from './request.ts';

interface Outcome {
  readonly answer: Answer;
  /** Absent when the answer is complete, or was stopped. */
  readonly error?: ApiError;
  /** Milliseconds from the request to its first token, as this browser saw it. */
  readonly firstTokenMs?: number;
}

export interface AnswerState {
  /** The answer so far, while one is generated. */
  readonly growing: Answer | undefined;
  readonly firstTokenMs: number | undefined;
  /** Asks, and returns when the answer has ended. */
  ask(request: ApiRequest, key: string): Promise<Outcome>;
  /** Ends the answer. What there is of it stays. */
  stop(): void;
}

export function useAnswer(): AnswerState {
  const [growing, setGrowing] = useState<Answer>();
  const [firstTokenMs, setFirstTokenMs] = useState<number>();
  const stopping = useRef(new AbortController());

  const ask = async (request: ApiRequest, key: string): Promise<Outcome> => {
    stopping.current = new AbortController();
    const { signal } = stopping.current;
    const startedAt = performance.now();
    let answer = emptyAnswer;
    let first: number | undefined;
    // A frame draws what has come since the last one. Tokens may come faster than a screen is drawn.
    let frame = 0;
    const draw = () => {
      frame = 0;
      setGrowing(answer);
    };
    setGrowing(answer);
    setFirstTokenMs(undefined);
    try {
      for await (answer of streamAnswer(request, { key, signal })) {
        if (first === undefined) {
          first = performance.now() - startedAt;
          setFirstTokenMs(first);
        }
        frame ||= requestAnimationFrame(draw);
      }
      return toOutcome(answer, first);
    } catch (error) {
      return { ...toOutcome(answer, first), ...(!signal.aborted && { error: toApiError(error) }) };
    } finally {
      cancelAnimationFrame(frame);
      setGrowing(undefined);
    }
  };
  return { growing, firstTokenMs, ask, stop: () => stopping.current.abort() };
}

function toOutcome(answer: Answer, firstTokenMs: number | undefined): Outcome {
  return { answer, ...(firstTokenMs !== undefined && { firstTokenMs }) };
}

function toApiError(error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  return new ApiError('The connection to the server broke. Look whether it still runs, then send again.', 0);
}
