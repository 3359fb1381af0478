// The event that loads a function without asking anything of it, and what the answers to it mean.
import type { HttpAnswer } from './http-answer.ts';

type EmulatorAnswer = Pick<HttpAnswer, 'status' | 'body'>;

/** The event of @middy/warmup: a function answers it with the JSON string "warmup". */
export const warmUpEvent: Uint8Array = Buffer.from('{"source":"serverless-plugin-warmup"}');

/** Whether an answer says that the function is loaded. */
export function isWarm({ status, body }: EmulatorAnswer): boolean {
  // A streaming function writes it without quotes.
  return status === 200 && /^("?)warmup\1$/.test(toText(body));
}

/** One line on why the function did not load, from the runtime's error if there is one. */
export function describeInitFailure({ status, body }: EmulatorAnswer): string {
  const text = toText(body);
  const { errorType, errorMessage } = parseRuntimeError(text);
  if (errorType ?? errorMessage) return toLine(`${errorType ?? 'Error'}: ${errorMessage ?? ''}`);
  return toLine(`the warm-up event was answered with status ${status}: ${text.slice(0, 200)}`);
}

/**
 * Whether the emulator answered for a runtime that is no more: it exited, or took too long and was killed.
 * The function itself cannot give such an answer: its answers are JSON, with status 200.
 */
export function runtimeHasEnded({ status, body }: EmulatorAnswer): boolean {
  return (
    status === 502 || (body.byteLength < 100 && /^Task timed out after [\d.]+ seconds$/.test(toText(body)))
  );
}

const toText = (body: Uint8Array) => Buffer.from(body).toString().trim();

const toLine = (text: string) => text.replace(/\s+/g, ' ').trim();

function parseRuntimeError(text: string): { errorType?: unknown; errorMessage?: unknown } {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? value : {};
  } catch {
    return {};
  }
}
