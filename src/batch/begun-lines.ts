// Lines that environments have begun with, each by a marker, so that one that an environment has died of is not begun again.
// A marker names the invocation that put it there, and counts for as long as it does.
import { randomUUID } from 'node:crypto';
import type { ObjectStore } from './object-store.ts';

/** What a marker holds that counts no more. It is not deleted: the function may not do so. */
const nobody = '';

/** Of one invocation. */
export class BegunLines {
  /** Nobody else's: what is drawn ahead may be the same in environments that are restored from one snapshot. */
  readonly #invocation = randomUUID({ disableEntropyCache: true });
  readonly #store: ObjectStore;
  readonly #toKey: (line: number) => string;
  /** Lines whose markers may be this invocation's. */
  readonly #open = new Set<number>();

  constructor(store: ObjectStore, toKey: (line: number) => string) {
    this.#store = store;
    this.#toKey = toKey;
  }

  /** Whether a line may be begun: no other invocation has, and then died. */
  async begin(line: number): Promise<boolean> {
    const key = this.#toKey(line);
    // Before the marker is there: S3 may take it, and its answer be lost.
    this.#open.add(line);
    if ((await this.#store.create(key, this.#invocation)) === 'created') return true;
    this.#open.delete(line);
    const owner = Buffer.from(await this.#store.read(key)).toString();
    // It finds its own where S3 had taken it, and the SDK, which did not hear of it, sent it again.
    if (owner !== this.#invocation && owner !== nobody) return false;
    this.#open.add(line);
    await this.#store.put(key, this.#invocation);
    return true;
  }

  /** A line has a result: it is not begun again, whatever its marker says. */
  settle(line: number): void {
    this.#open.delete(line);
  }

  /** Whoever can still call this has not died of the lines it is left with. */
  async release(): Promise<void> {
    await Promise.all([...this.#open].map((line) => this.#store.put(this.#toKey(line), nobody)));
  }
}
