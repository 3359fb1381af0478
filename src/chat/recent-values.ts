// Values that take long to make, by what they are made of. The last ones are kept.

/** A service has a few sets of tools; a format has some ten thousand characters. */
const mostValues = 16;

export class RecentValues<Value> {
  readonly #values = new Map<string, Value>();

  /** Returns the value of a key, which is made if it is not among the last ones. */
  async get(key: string, make: () => Value | Promise<Value>): Promise<Value> {
    const value = this.#values.get(key) ?? (await make());
    this.#values.delete(key);
    this.#values.set(key, value);
    const [oldest] = this.#values.keys();
    if (this.#values.size > mostValues && oldest !== undefined) this.#values.delete(oldest);
    return value;
  }
}
