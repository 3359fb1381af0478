// How fast a transfer is, and how long it will take.
import type { TransferProgress } from '../functions/shared/model/transfer.ts';
import { formatBytes } from './format.ts';

/** Measures a transfer from its first report on: what was there before was not transferred at this pace. */
export class Pace {
  readonly #startedAt = performance.now();
  readonly #startedWith: number;

  constructor(startedWith: number) {
    this.#startedWith = startedWith;
  }

  /** Such as `12.3 MB/s`. */
  rate({ transferredBytes }: TransferProgress): string {
    return `${formatBytes(this.#bytesPerSecond(transferredBytes))}/s`;
  }

  /** Such as `7 s` or `2 min 5 s`; `?` while nobody can say. */
  timeLeft({ transferredBytes, totalBytes }: TransferProgress): string {
    if (totalBytes === null) return '?';
    if (transferredBytes >= totalBytes) return '0 s';
    const rate = this.#bytesPerSecond(transferredBytes);
    if (rate <= 0) return '?';
    const seconds = Math.ceil((totalBytes - transferredBytes) / rate);
    return seconds < 60 ? `${seconds} s` : `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  }

  #bytesPerSecond(transferredBytes: number): number {
    const seconds = (performance.now() - this.#startedAt) / 1000;
    return seconds > 0 ? Math.max(0, transferredBytes - this.#startedWith) / seconds : 0;
  }
}
