// Layers that see only a sliding window have fewer cells than the context has tokens. llama.cpp fills them in turn, and then
// overwrites what the window has left behind, the oldest first (`llama_kv_cache::find_slot`). A sequence can go back only while
// the window before its new end is still there.

export interface WindowRing {
  /** Tokens of the window, the one that looks back included. */
  readonly window: number;
  /** Cells of a sequence. */
  readonly cells: number;
}

/** The tokens of a sequence that each layer has, from `first` to before `end`. */
export interface HeldPositions {
  readonly first: number;
  readonly end: number;
}

/**
 * Whether the window before `length` is there, so that a sequence can go back to its first `length` tokens.
 *
 * @param endThen - how many tokens the sequence will hold by then. As many cells are overwritten as tokens are added, at most;
 * where all tokens are there still, those that find no empty cell. A sequence that went back after it had filled its cells may lose
 * more: llama.cpp goes on at the first cell that became empty, which need not follow the oldest token. Who goes back asks again then.
 */
export function keepsWindow(
  { window, cells }: WindowRing,
  { first, end }: HeldPositions,
  length: number,
  endThen = end,
): boolean {
  const added = Math.max(0, endThen - end);
  const firstThen = first === 0 ? Math.max(0, end + added - cells) : first + added;
  return firstThen <= Math.max(0, length - window + 1);
}
