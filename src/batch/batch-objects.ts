// Keys of a batch's objects. Inputs and results are under `batches/`; temporary objects are under `work/`, where a
// lifecycle rule of the bucket deletes them.

/** Digits of a line number in a key. Leading zeros make keys sort like numbers. */
const keyDigits = 10;

/** The id is part of S3 keys, execution names and file names. */
export const batchIdPattern = /^[A-Za-z0-9_-]{1,72}$/;

export function toBatchKeys(id: string) {
  return {
    input: `batches/${id}/input.jsonl`,
    output: `batches/${id}/output.jsonl`,
    errors: `batches/${id}/errors.jsonl`,
    chunks: `work/${id}/chunks.json`,
    parts: `work/${id}/parts/`,
    /** All results of a chunk; written when every line has one. */
    part: ({ first }: BatchChunk) => `work/${id}/parts/${toKeyNumber(first)}.jsonl`,
    /** Prefix of the results of a chunk's single lines. */
    answers: ({ first }: Pick<BatchChunk, 'first'>) => `work/${id}/answers/${toReversedNumber(first)}/`,
    answer: (chunk: BatchChunk, line: number) =>
      `work/${id}/answers/${toReversedNumber(chunk.first)}/${toKeyNumber(line)}.json`,
    /** Marker of a line that was started; `since` is the `carefulSince` of its chunk. */
    started: (since: string, line: number) =>
      `work/${id}/begun/${toKeyNumber(line)}-${since.replaceAll(/[^\w.-]/g, '_')}`,
  };
}

/** Reads the line number from the key of an answer. */
export function toLineNumber(answerKey: string): number {
  return Number.parseInt(answerKey.slice(answerKey.lastIndexOf('/') + 1), 10);
}

/** Returns the key of the answer to a queue message. */
export function toQueueAnswerKey(customId: string): string {
  return `queue/${encodeURIComponent(customId)}.json`;
}

/** Returns the key of the marker of a queue message that was started. No id of a batch has a dot. */
export function toQueueMarkerKey(customId: string): string {
  return `work/queue.begun/${encodeURIComponent(customId)}`;
}

function toKeyNumber(number: number): string {
  return String(number).padStart(keyDigits, '0');
}

/**
 * Reverses the digits. S3 partitions by key prefix, so chunks that run at the same time need different prefixes.
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/optimizing-performance.html
 */
function toReversedNumber(number: number): string {
  return [...toKeyNumber(number)].reverse().join('');
}

/** Consecutive lines of the input that one environment answers. */
export interface BatchChunk {
  /** Number of the first line, from 0; blank lines are not counted. */
  readonly first: number;
  readonly lines: number;
  /** Offset of the first byte in the input. */
  readonly start: number;
  /** Offset after the last byte. */
  readonly end: number;
  /** Numbers of the lines whose `custom_id` repeats that of an earlier line in the batch. */
  readonly duplicates?: readonly number[];
}
