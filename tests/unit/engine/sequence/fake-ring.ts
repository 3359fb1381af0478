// The cells of one sequence in a layer that sees only a sliding window, as llama.cpp fills them: `find_slot` and `apply_ubatch` of
// its src/llama-kv-cache.cpp, for a window of the standard kind.
import type { HeldPositions, WindowRing } from '../../../../src/engine/llama/window-ring.ts';

const empty = -1;

export class FakeRing {
  readonly #window: number;
  /** The position in each cell. */
  readonly #cells: number[];
  #head = 0;

  constructor({ window, cells }: WindowRing) {
    this.#window = window;
    this.#cells = Array.from({ length: cells }, () => empty);
  }

  get held(): HeldPositions {
    const positions = this.#cells.filter((position) => position !== empty);
    if (positions.length === 0) return { first: 0, end: 0 };
    return { first: Math.min(...positions), end: 1 + Math.max(...positions) };
  }

  /** Whether the window before the token at a position is there. */
  hasWindowBefore(position: number): boolean {
    return this.held.first <= Math.max(0, position - this.#window + 1);
  }

  /** Evaluates tokens behind the others together. */
  append(tokens: number): void {
    const { end } = this.held;
    const cells = this.#findCells(tokens, end);
    const overwritten = Math.max(...cells.map((cell) => this.#cells[cell] ?? empty));
    for (const [index, cell] of cells.entries()) this.#cells[cell] = end + index;
    // All that is older than an overwritten token goes with it.
    this.#remove((position) => position <= overwritten);
    this.#head = (cells.at(-1) ?? empty) + 1;
  }

  removeFrom(start: number): void {
    this.#remove((position) => position >= start);
  }

  /** Replaces all by a state after so many tokens, which has the last window only. */
  restore(end: number): void {
    this.removeFrom(0);
    const first = Math.max(0, end - this.#window);
    const cells = this.#findCells(end - first, 0);
    for (const [index, cell] of cells.entries()) this.#cells[cell] = first + index;
    this.#head = (cells.at(-1) ?? empty) + 1;
  }

  #findCells(tokens: number, end: number): number[] {
    const size = this.#cells.length;
    const used = this.#cells.filter((position) => position !== empty).length;
    const found: number[] = [];
    let cell = this.#head > used + 2 * tokens ? 0 : this.#head;
    for (let tested = 0; found.length < tokens; tested += 1, cell += 1) {
      if (tested === size) throw new Error(`There are no cells for ${tokens} tokens.`);
      cell %= size;
      const position = this.#cells[cell] ?? empty;
      if (position === empty || end - position >= this.#window) found.push(cell);
    }
    return found;
  }

  #remove(isRemoved: (position: number) => boolean): void {
    const cells = [...this.#cells.keys()].filter((cell) => {
      const position = this.#cells[cell] ?? empty;
      return position !== empty && isRemoved(position);
    });
    for (const cell of cells) this.#cells[cell] = empty;
    this.#head = Math.min(this.#head, ...cells);
  }
}
