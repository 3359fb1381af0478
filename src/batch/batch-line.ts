// A line of a batch, in OpenAI's Batch format: what to ask, and by which id its answer is to be found.
// https://platform.openai.com/docs/guides/batch
import * as z from 'zod/mini';
import { parseJson } from '../api/json-body.ts';
import { parseFields } from '../api/request-body.ts';
import { RequestError } from '../errors/request-error.ts';

/** The longest `custom_id`, in bytes of UTF-8: written in a key of S3, which holds 1,024, a byte may take three. */
const longestId = 256;

/** The longest line, in bytes. More than an HTTP request may bring, so that the request itself is what is refused. */
export const longestLine = 6 * 1024 * 1024;

const lineSchema = z.strictObject({
  custom_id: z.string().check(
    z.minLength(1),
    // A key of S3 cannot be named after half of a character.
    z.refine((id) => id.isWellFormed(), 'a text of whole characters'),
    z.refine((id) => Buffer.byteLength(id) <= longestId, `a text of at most ${longestId} bytes`),
  ),
  method: z.literal('POST'),
  url: z.string().check(z.minLength(1)),
  body: z.record(z.string(), z.unknown()),
});

/** One request of a batch. */
export type BatchLine = z.output<typeof lineSchema>;

/**
 * Reads a line.
 *
 * @throws {RequestError} saying what is wrong with it, without quoting it
 */
export function parseBatchLine(line: Uint8Array): BatchLine {
  if (line.byteLength > longestLine) {
    throw new RequestError(
      'request_too_large',
      `The line has ${line.byteLength} bytes; at most ${longestLine} are read.`,
    );
  }
  const parsed = parseFields(lineSchema, {}, parseJson(line));
  if (parsed.body.stream !== true) return parsed;
  throw new RequestError(
    'unsupported_parameter',
    "'stream' is not supported in a batch: its answers come as a whole.",
    {
      param: 'body.stream',
    },
  );
}

/** The `custom_id` of a line that may be wrong in all else; nothing where there is none to be read. */
export function findCustomId(line: Uint8Array): string | null {
  try {
    const id = (parseJson(line) as { custom_id?: unknown } | null)?.custom_id;
    return typeof id === 'string' ? id : null;
  } catch {
    return null;
  }
}
