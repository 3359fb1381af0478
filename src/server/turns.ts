// Lets requests that come together go on one by one, so that /health is answered in between.

/** A queue for turns of the event loop: one caller goes on in each of them. */
export class Turns {
  readonly #waiting: (() => void)[] = [];
  /** Whether somebody has gone on in this turn. */
  #isTaken = false;

  /** Resolves in the caller's turn: at once where nobody else has this one, or else in the order of the calls. */
  async next(): Promise<void> {
    if (this.#isTaken) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    } else {
      this.#isTaken = true;
      setImmediate(this.#pass);
    }
  }

  readonly #pass = (): void => {
    const resolve = this.#waiting.shift();
    this.#isTaken = resolve !== undefined;
    if (resolve === undefined) return;
    resolve();
    setImmediate(this.#pass);
  };
}
