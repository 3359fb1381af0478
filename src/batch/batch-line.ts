// Parses a line of a batch in OpenAI's Batch format: a request and the id of its result.
// https://platform.openai.com/docs/guides/batch
import * as z from 'zod/mini';
import { parseJson } from '../api/json-body.ts';
import { parseFields } from '../api/request-body.ts';
import { RequestError } from '../errors/request-error.ts';
import type { ForeignFields } from '../generation/foreign-fields.ts';

/** Bytes of UTF-8 in a `custom_id`. It becomes part of an S3 key, where a byte may take three of the 1,024 bytes. */
const maxIdBytes = 256;

/** Bytes in a line. It exceeds the limit of a request body, so that an oversized body is reported as such. */
export const maxLineBytes = 6 * 1024 * 1024;

const lineSchema = z.strictObject({
  custom_id: z.string().check(
    z.minLength(1),
    // An S3 key cannot contain half of a surrogate pair.
    z.refine((id) => id.isWellFormed(), 'a text without lone surrogates'),
    z.refine((id) => Buffer.byteLength(id) <= maxIdBytes, `a text of at most ${maxIdBytes} bytes`),
  ),
  method: z.literal('POST'),
  url: z.string().check(z.minLength(1)),
  body: z.record(z.string(), z.unknown()),
});

export type BatchLine = z.output<typeof lineSchema>;

/**
 * Parses a line.
 *
 * @throws {RequestError} whose message does not quote the line, because it is logged
 */
export function parseBatchLine(line: Uint8Array, foreign?: ForeignFields): BatchLine {
  if (line.byteLength > maxLineBytes) {
    throw new RequestError(
      'request_too_large',
      `The line has ${line.byteLength} bytes; the limit is ${maxLineBytes}.`,
    );
  }
  const parsed = parseFields(lineSchema, {}, parseJson(line), foreign);
  if (parsed.body.stream !== true) return parsed;
  throw new RequestError('unsupported_parameter', "'stream' is not supported in a batch: remove it.", {
    param: 'body.stream',
  });
}

/** Returns the `custom_id` of a line that may be invalid otherwise, or null when none can be read. */
export function findCustomId(line: Uint8Array): string | null {
  try {
    const id = (parseJson(line) as { custom_id?: unknown } | null)?.custom_id;
    return typeof id === 'string' ? id : null;
  } catch {
    return null;
  }
}
