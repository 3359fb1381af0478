// Reads streamed answers: when each server-sent event came, and the prelude of Lambda's HTTP responses.
import type { Piece } from '../runtime-api.ts';

/** A server-sent event, and when it was whole. */
export interface StreamedEvent {
  /** None for an event of the default kind. */
  readonly name: string | undefined;
  readonly data: string;
  readonly arrivedAfterMs: number;
}

/** A streamed answer that Lambda makes an HTTP response of. */
export interface StreamedHttpAnswer {
  readonly statusCode: number;
  readonly headers: Readonly<Record<string, string>>;
  /** What follows the prelude. */
  readonly pieces: readonly Piece[];
}

const preludeEnd = new Uint8Array(8);
const eventEnd = '\n\n';

/**
 * Splits the prelude, JSON with the status and the headers, from the body: 8 NUL bytes lie between.
 * https://docs.aws.amazon.com/lambda/latest/dg/runtimes-custom.html#runtimes-custom-response-streaming
 */
export function toHttpAnswer(pieces: readonly Piece[]): StreamedHttpAnswer {
  const bytes = join(pieces);
  const length = bytes.indexOf(preludeEnd);
  if (length < 0) throw new Error(`No prelude: ${bytes}`);
  const { statusCode, headers } = JSON.parse(bytes.toString('utf8', 0, length));
  return { statusCode, headers, pieces: dropBytes(pieces, length + preludeEnd.length) };
}

/**
 * The server-sent events of a body. Each one's bytes are read on their own, so that half a character in one, the
 * other half in the next, is an error here.
 */
export function toEvents(pieces: readonly Piece[]): StreamedEvent[] {
  const bytes = join(pieces);
  const events: StreamedEvent[] = [];
  let start = 0;
  for (let end = bytes.indexOf(eventEnd); end >= 0; end = bytes.indexOf(eventEnd, start)) {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes.subarray(start, end));
    events.push({
      name: /^event: (.*)$/m.exec(text)?.[1],
      data: /^data: (.*)$/m.exec(text)?.[1] ?? '',
      arrivedAfterMs: arrivalOf(end + eventEnd.length - 1, pieces),
    });
    start = end + eventEnd.length;
  }
  if (start < bytes.length) throw new Error(`The stream ends within an event: ${bytes.subarray(start)}`);
  return events;
}

/** Reads a body as it comes. `askedAt` is on the clock of `performance.now()`. */
export async function readPieces(body: AsyncIterable<Uint8Array>, askedAt: number): Promise<Piece[]> {
  const pieces: Piece[] = [];
  for await (const bytes of body) pieces.push({ bytes, arrivedAfterMs: performance.now() - askedAt });
  return pieces;
}

function join(pieces: readonly Piece[]): Buffer {
  return Buffer.concat(pieces.map(({ bytes }) => bytes));
}

function dropBytes(pieces: readonly Piece[], count: number): Piece[] {
  let left = count;
  return pieces.flatMap(({ bytes, arrivedAfterMs }) => {
    const rest = bytes.subarray(left);
    left = Math.max(0, left - bytes.length);
    return rest.length === 0 ? [] : [{ bytes: rest, arrivedAfterMs }];
  });
}

/** When the byte at a place in the body came. */
function arrivalOf(place: number, pieces: readonly Piece[]): number {
  let end = 0;
  for (const { bytes, arrivedAfterMs } of pieces) {
    end += bytes.length;
    if (place < end) return arrivedAfterMs;
  }
  throw new RangeError(`There is no byte ${place}.`);
}
