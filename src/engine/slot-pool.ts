// Shares a fixed number of slots among callers, first come, first served, with a bounded queue.
import { EngineBusyError } from './engine.ts';

interface Waiter<Slot> {
  readonly take: (slot: Slot) => void;
}

export class SlotPool<Slot> {
  readonly #free: Set<Slot>;
  readonly #waiting: Waiter<Slot>[] = [];
  readonly size: number;
  readonly #queueLimit: number;
  #whenIdle = Promise.withResolvers<void>();

  /** @param queueLimit - how many callers may wait; the next one is refused */
  constructor(slots: readonly Slot[], queueLimit: number) {
    this.#free = new Set(slots);
    this.size = slots.length;
    this.#queueLimit = queueLimit;
    this.#whenIdle.resolve();
  }

  /** The number of taken slots, and of callers that wait. */
  get load(): { running: number; waiting: number } {
    return { running: this.size - this.#free.size, waiting: this.#waiting.length };
  }

  /**
   * Takes a slot until it is released. Among several free slots it takes the one with the highest score, and of equal ones the one
   * that was released first.
   *
   * @throws {EngineBusyError} when the queue is full
   * @throws the signal's reason when it is aborted before a slot is free
   */
  async acquire(score: (slot: Slot) => number, signal?: AbortSignal): Promise<Slot> {
    signal?.throwIfAborted();
    if (this.#free.size === this.size) this.#whenIdle = Promise.withResolvers<void>();
    if (this.#free.size > 0) {
      const scored = [...this.#free].map((slot) => ({ slot, score: score(slot) }));
      const { slot } = scored.reduce((best, other) => (other.score > best.score ? other : best));
      this.#free.delete(slot);
      return slot;
    }
    if (this.#waiting.length >= this.#queueLimit) throw new EngineBusyError(this.#waiting.length);
    return this.#wait(signal);
  }

  /** Passes the slot to the caller that has waited longest. */
  release(slot: Slot): void {
    const next = this.#waiting.shift();
    if (next !== undefined) {
      next.take(slot);
      return;
    }
    this.#free.add(slot);
    if (this.#free.size === this.size) this.#whenIdle.resolve();
  }

  /** Resolves when all slots are free. */
  whenIdle(): Promise<void> {
    return this.#whenIdle.promise;
  }

  #wait(signal: AbortSignal | undefined): Promise<Slot> {
    return new Promise((resolve, reject) => {
      const leave = () => {
        this.#waiting.splice(this.#waiting.indexOf(waiter), 1);
        reject(signal?.reason);
      };
      const waiter: Waiter<Slot> = {
        take: (slot) => {
          signal?.removeEventListener('abort', leave);
          resolve(slot);
        },
      };
      this.#waiting.push(waiter);
      signal?.addEventListener('abort', leave, { once: true });
    });
  }
}
