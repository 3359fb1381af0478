// The answers of POST /api/chat and POST /api/generate: an object, or lines of JSON.
import type { RequestContext } from '../../generation/context.ts';
import type { ModelService } from '../service.ts';
import { StreamAnswer } from '../stream-answer.ts';
import type { AnswerEnd, AnswerEvent, AnswerPart, ReadAnswer } from './answer-parts.ts';
import { ollamaLines } from './ollama-error.ts';
import { toTaggedName } from './ollama-fields.ts';

/** Writes the part of an answer by which the two endpoints differ. */
export type PartFormat = (part: AnswerPart) => object;

/** As POST /api/chat has it. */
export const asMessage: PartFormat = ({ text, thinking, calls, logprobs }) => ({
  message: {
    role: 'assistant',
    content: text,
    ...(thinking !== undefined && { thinking }),
    ...(calls && { tool_calls: calls }),
  },
  ...(logprobs && { logprobs }),
});

/** As POST /api/generate has it. */
export const asResponse: PartFormat = ({ text, thinking, logprobs }) => ({
  response: text,
  ...(thinking !== undefined && { thinking }),
  ...(logprobs && { logprobs }),
});

const nothing: AnswerPart = { text: '' };

/** The fields with which every answer begins. */
interface Head {
  readonly model: string;
  readonly created_at: string;
}

export function toHead({ model }: ModelService, { receivedAt }: RequestContext): Head {
  return { model: toTaggedName(model), created_at: receivedAt.toISOString() };
}

/** Answers a request without a prompt, with which clients load a model. Here it is always loaded. */
export function toLoaded(head: Head, format: PartFormat): object {
  return { ...head, ...format(nothing), done: true, done_reason: 'load' };
}

/** Writes an answer, whole or as a stream of lines. */
export function writeAnswer(answer: ReadAnswer, head: Head, format: PartFormat): object {
  if (Symbol.asyncIterator in answer) return new StreamAnswer(writeLines(answer, head, format), ollamaLines);
  return writeEnd(answer.part, answer.end, head, format);
}

async function* writeLines(
  events: AsyncGenerator<AnswerEvent, void, void>,
  head: Head,
  format: PartFormat,
): AsyncGenerator<object, void, void> {
  for await (const event of events) {
    yield 'part' in event
      ? { ...head, ...format(event.part), done: false }
      : writeEnd(nothing, event.end, head, format);
  }
}

function writeEnd(
  part: AnswerPart,
  { reason, usage, timings }: AnswerEnd,
  head: Head,
  format: PartFormat,
): object {
  const prompt = toNanoseconds(timings?.prompt_ms ?? 0);
  const generation = toNanoseconds(timings?.predicted_ms ?? 0);
  return {
    ...head,
    ...format(part),
    done: true,
    done_reason: reason,
    total_duration: prompt + generation,
    load_duration: 0,
    prompt_eval_count: usage?.prompt_tokens ?? 0,
    prompt_eval_duration: prompt,
    eval_count: usage?.completion_tokens ?? 0,
    eval_duration: generation,
  };
}

/** At least 1, because clients divide by durations. */
export function toNanoseconds(milliseconds: number): number {
  return Math.max(1, Math.round(milliseconds * 1e6));
}
