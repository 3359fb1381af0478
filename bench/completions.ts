// Requests completions from a server and measures them at the client.
import { type Exchange, type Part, post, toText } from './http-client.ts';
import type { Server } from './subjects/server-process.ts';

export interface CompletionOptions {
  readonly prompt: string;
  readonly maxTokens: number;
  /** Default: 0. Above it, the seed is fixed. */
  readonly temperature?: number;
}

/** A completion without streaming. Times are milliseconds. */
export interface WholeCompletion {
  /** From before the request was written to the last byte of the response. */
  readonly wallMs: number;
  /** Engine time that the server reports; undefined when it reports none. */
  readonly engineMs: number | undefined;
  /** The part of `engineMs` after the first token. */
  readonly decodeMs: number | undefined;
  readonly promptTokens: number;
  readonly completionTokens: number;
}

/** Tokens per second after the first token. */
export function toDecodeRate({
  completionTokens,
  decodeMs = Number.NaN,
}: Pick<WholeCompletion, 'completionTokens' | 'decodeMs'>): number {
  return ((completionTokens - 1) * 1000) / decodeMs;
}

/** A streamed completion. Times are values of `performance.now()`. */
export interface StreamedCompletion {
  readonly startedAt: number;
  readonly firstTokenAt: number;
  readonly lastTokenAt: number;
  /** Generated tokens as the server counts them; otherwise the number of events with text. */
  readonly completionTokens: number;
  readonly text: string;
}

/** The fields that are read from a completion or a chunk, of a chat or not. */
interface CompletionBody {
  readonly choices: readonly {
    readonly text?: string;
    readonly delta?: { readonly content?: string | null };
  }[];
  readonly usage?: { readonly prompt_tokens: number; readonly completion_tokens: number } | null;
  readonly timings?: { readonly prompt_ms: number; readonly predicted_ms: number };
}

/** @throws {Error} when the request fails, or the response has no usage */
export async function complete(
  { url }: Pick<Server, 'url'>,
  options: CompletionOptions,
): Promise<WholeCompletion> {
  const { startedAt, endedAt, parts } = await post(url, toBody(options));
  const { usage, timings } = JSON.parse(toText(parts)) as CompletionBody;
  if (!usage) throw new Error(`The completion has no usage: ${toText(parts).slice(0, 1_000)}`);
  return {
    wallMs: endedAt - startedAt,
    engineMs: timings && timings.prompt_ms + timings.predicted_ms,
    decodeMs: timings?.predicted_ms,
    promptTokens: usage.prompt_tokens,
    completionTokens: usage.completion_tokens,
  };
}

/**
 * Requests a streamed completion. `onStarted` is called when the first part of the body arrives.
 *
 * @throws {Error} when the request fails, or the stream has no text
 */
export async function stream(
  { url }: Server,
  options: CompletionOptions,
  onStarted?: () => void,
): Promise<StreamedCompletion> {
  const body = { ...toBody(options), stream: true, stream_options: { include_usage: true } };
  return toStreamedCompletion(await post(url, body, onStarted));
}

/** Reads a stream of server-sent events. The time of an event is the arrival of its last byte. */
export function toStreamedCompletion({ startedAt, parts }: Exchange): StreamedCompletion {
  const events = toEvents(parts);
  const withText = events.filter(({ body }) => textOf(body) !== '');
  const [first] = withText;
  const last = events.findLast(({ body }) => body.choices.length > 0);
  if (!first || !last) throw new Error(`The stream has no text: ${toText(parts).slice(0, 1_000)}`);
  return {
    startedAt,
    firstTokenAt: first.at,
    lastTokenAt: last.at,
    completionTokens: findUsage(events)?.completion_tokens ?? withText.length,
    text: withText.map(({ body }) => textOf(body)).join(''),
  };
}

function textOf({ choices: [choice] }: CompletionBody): string {
  return choice?.text ?? choice?.delta?.content ?? '';
}

function findUsage(events: readonly { body: CompletionBody }[]): CompletionBody['usage'] {
  return events.findLast(({ body }) => body.usage)?.body.usage;
}

function toBody({ prompt, maxTokens, temperature = 0 }: CompletionOptions): object {
  return { prompt, max_tokens: maxTokens, temperature, ...(temperature > 0 && { seed: prompt.length }) };
}

function toEvents(parts: readonly Part[]): { at: number; body: CompletionBody }[] {
  const decoder = new TextDecoder();
  let open = '';
  return parts.flatMap(({ at, bytes }) => {
    const events = (open + decoder.decode(bytes, { stream: true })).split(/\r?\n\r?\n/);
    open = events.pop() ?? '';
    return events
      .filter((event) => event.startsWith('data: {'))
      .map((event) => ({ at, body: JSON.parse(event.slice('data: '.length)) as CompletionBody }));
  });
}
