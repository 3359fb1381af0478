// Work for moments in which nobody asks for anything. It ends as soon as somebody does.

/** Whoever asks again at once, as programs do, meets no work. */
const quietMs = 100;

export interface Work<Input> {
  /** What the work needs; undefined: there is none. What it throws is ignored: whoever asks for the same is told. */
  readonly prepare: () => Promise<Input | undefined>;
  /** Ends soon once the signal is aborted. What it throws is ignored, too. */
  readonly work: (input: Input, signal: AbortSignal) => Promise<void>;
}

export class IdleWork<Input> {
  #planned: NodeJS.Timeout | undefined;
  #stop: AbortController | undefined;
  #working: Promise<void> | undefined;

  /** Whether work is being done. To prepare it is none. */
  get isRunning(): boolean {
    return this.#working !== undefined;
  }

  /** Begins in a tenth of a second, unless it is interrupted before. What was planned or is running is given up. */
  plan(work: Work<Input>): void {
    void this.interrupt();
    this.#planned = setTimeout(() => void this.#begin(work), quietMs).unref();
  }

  /** Gives up what is planned or running. Resolves when no work is being done. */
  async interrupt(): Promise<void> {
    clearTimeout(this.#planned);
    this.#stop?.abort();
    await this.#working;
  }

  async #begin({ prepare, work }: Work<Input>): Promise<void> {
    this.#stop = new AbortController();
    const { signal } = this.#stop;
    const input = await prepare().catch(() => undefined);
    if (input === undefined || signal.aborted) return;
    this.#working = work(input, signal).catch(() => {});
    await this.#working;
    this.#working = undefined;
  }
}
