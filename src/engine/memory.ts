// Memory, as the rest of the code knows it: what a model takes, what there is, and that the one does not fit the other.
// llama/memory adds it up.
import { EngineError } from './engine.ts';

/** What a process takes with a model loaded, added up before that. Bytes. */
export interface MemoryUse {
  /** Weights in the page cache. They can be dropped and read again, but each token reads all of them. */
  readonly weightsMapped: number;
  /** Private copies of weights in the layout that suits the processor. */
  readonly weightsRepacked: number;
  /** Keys, values and recurrent states of all slots. */
  readonly keysAndValues: number;
  /** Buffers that a prompt's evaluation fills. */
  readonly evaluation: number;
  /** Everything else of the process. */
  readonly program: number;
  readonly total: number;
}

/** The memory that a process may take in all, with what it has already. */
export interface MemoryRoom {
  readonly bytes: number;
  /** What sets the limit, as a message tells it: "the container may have 512 MiB". */
  readonly limit: string;
}

/** What was asked for does not fit the memory. The message is one line with the figures. */
export class InsufficientMemoryError extends EngineError {
  override readonly name = 'InsufficientMemoryError';

  constructor(message: string) {
    super(message);
    // It is no defect of the code, and a log should have one line of it.
    this.stack = `${this.name}: ${message}`;
  }
}

/** Mebibytes, the unit that containers and Lambda are sized in. */
export function toMebibytes(bytes: number): number {
  return Math.round(bytes / 1024 / 1024);
}
