// Where the objects of a batch lie in its bucket. What people fetch is under `batches/`; what is of use only while a batch
// runs is under `work/`, which a rule of the bucket empties.

/** Of a line's number, so that keys sort as numbers do. */
const digits = 10;

/** Of a batch: it is part of keys, of an execution's name, and of files' names. */
export const batchIdPattern = /^[A-Za-z0-9_-]{1,72}$/;

/** The keys of one batch. */
export function toBatchKeys(id: string) {
  return {
    input: `batches/${id}/input.jsonl`,
    output: `batches/${id}/output.jsonl`,
    errors: `batches/${id}/errors.jsonl`,
    chunks: `work/${id}/chunks.json`,
    parts: `work/${id}/parts/`,
    /** The results of a chunk's lines, together; there when all are. */
    part: ({ first }: BatchChunk) => `work/${id}/parts/${toKeyNumber(first)}.jsonl`,
    /** The results of a chunk's lines so far, each by itself. */
    answers: (chunk: BatchChunk) => `work/${id}/answers/${toSpreadNumber(chunk.first)}/`,
    answer: (chunk: BatchChunk, line: number) =>
      `work/${id}/answers/${toSpreadNumber(chunk.first)}/${toKeyNumber(line)}.json`,
    /** That a line was begun with since then. */
    begun: (since: string, line: number) =>
      `work/${id}/begun/${toKeyNumber(line)}-${since.replaceAll(/[^\w.-]/g, '_')}`,
  };
}

/** The line that the key of an answer names. */
export function toLineNumber(answerKey: string): number {
  return Number.parseInt(answerKey.slice(answerKey.lastIndexOf('/') + 1), 10);
}

/** The answer to a message of the queue. */
export function toQueueAnswerKey(customId: string): string {
  return `queue/${encodeURIComponent(customId)}.json`;
}

function toKeyNumber(number: number): string {
  return String(number).padStart(digits, '0');
}

/**
 * Backwards: S3 divides what it serves by how keys begin, and chunks that are answered at the same time are to begin
 * differently. https://docs.aws.amazon.com/AmazonS3/latest/userguide/optimizing-performance.html
 */
function toSpreadNumber(number: number): string {
  return [...toKeyNumber(number)].reverse().join('');
}

/** Lines of the input that one environment answers together. */
export interface BatchChunk {
  /** The number of its first line, from 0; blank lines have none. */
  readonly first: number;
  readonly lines: number;
  /** Of the first byte in the input. */
  readonly start: number;
  /** After the last byte. */
  readonly end: number;
  /** Numbers of lines whose `custom_id` an earlier line of the batch has. */
  readonly duplicates?: readonly number[];
}
