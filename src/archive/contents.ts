// What the archives keep: states of conversations, and responses.
import type { ArchiveName } from '../config/archive.ts';

export interface Contents {
  /** The folder in a bucket. The template allows the functions no other keys. */
  readonly prefix: string;
  /** The end of a file's name. Archives may share a folder. */
  readonly extension: string;
  /** One of them in a warning. */
  readonly title: string;
  /** What requests do while a place fails, in a warning. */
  readonly meanwhile: string;
  /** How long a place that failed is left alone, in milliseconds. */
  readonly pauseMs: number;
}

export const contentsOf: Readonly<Record<ArchiveName, Contents>> = {
  CACHE: {
    prefix: 'states/',
    extension: 'state',
    title: 'A state of a conversation',
    meanwhile: 'conversations are evaluated',
    pauseMs: 60_000,
  },
  RESPONSES: {
    prefix: 'responses/',
    extension: 'response',
    title: 'A stored response',
    meanwhile: 'responses are not stored',
    // A request that names a stored response fails meanwhile.
    pauseMs: 5_000,
  },
};
