// Marks each line before it is started. A marker that an invocation has left behind means that the line crashed its
// environment. A marker contains the id of its invocation.
import { randomUUID } from 'node:crypto';
import type { ObjectStore } from './object-store.ts';

/** The content of a released marker. Markers are not deleted, because the function has no permission to delete. */
const released = '';

/** The markers of one invocation. */
export class StartedLines<Line> {
  /** Unique: Node's cached entropy would repeat in environments that Lambda restores from one snapshot. */
  readonly #invocation = randomUUID({ disableEntropyCache: true });
  readonly #store: ObjectStore;
  readonly #toKey: (line: Line) => string;
  /** Lines without a result whose markers may belong to this invocation. */
  readonly #open = new Set<Line>();

  constructor(store: ObjectStore, toKey: (line: Line) => string) {
    this.#store = store;
    this.#toKey = toKey;
  }

  /** Marks a line. Returns false when another invocation has crashed on it. */
  async tryStart(line: Line): Promise<boolean> {
    const key = this.#toKey(line);
    // Before the request: S3 may create the marker although its response is lost.
    this.#open.add(line);
    if ((await this.#store.create(key, this.#invocation)) === 'created') return true;
    this.#open.delete(line);
    if (await this.hasCrashed(line)) return false;
    this.#open.add(line);
    await this.#store.put(key, this.#invocation);
    return true;
  }

  /** Whether another invocation has crashed on a line. */
  async hasCrashed(line: Line): Promise<boolean> {
    const key = this.#toKey(line);
    if ((await this.#store.find(key)) === undefined) return false;
    const owner = Buffer.from(await this.#store.read(key)).toString();
    // The owner is this invocation when S3 created the marker, its response was lost, and the SDK retried.
    return owner !== this.#invocation && owner !== released;
  }

  /** Notes that a line has a result. Its marker needs no release, since the line is never started again. */
  finish(line: Line): void {
    this.#open.delete(line);
  }

  /** Releases the markers of lines without a result: an environment that calls this has not crashed on them. */
  async release(): Promise<void> {
    await Promise.all([...this.#open].map((line) => this.#store.put(this.#toKey(line), released)));
  }
}
