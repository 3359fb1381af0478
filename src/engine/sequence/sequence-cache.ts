// Decides what a prompt reuses of one sequence's KV cache: tokens that it holds, the snapshot of a known prefix, or nothing.
import type { GenerationRequest, Token } from '../engine.ts';
import type { KnownPrefix } from '../prompt/known-prefixes.ts';
import type { PrefixSnapshots } from '../prompt/prefix-snapshots.ts';
import type { ReuseRule } from './reuse-rule.ts';
import type { SequenceState } from './sequence-state.ts';

export interface SequenceCacheParts {
  readonly state: SequenceState;
  /** Whether the model can go back to the beginning of what it holds; a recurrent one cannot. */
  readonly canForget: boolean;
  readonly snapshots: PrefixSnapshots;
  readonly reuse: ReuseRule;
}

type CachedRequest = Pick<GenerationRequest, 'prompt' | 'maxTokens' | 'cachePrompt' | 'promptLogprobs'>;

export class SequenceCache {
  readonly #parts: SequenceCacheParts;

  constructor(parts: SequenceCacheParts) {
    this.#parts = parts;
  }

  /** How many of a prompt's first tokens need no evaluation on this sequence. */
  reusableTokens(prompt: readonly Token[]): number {
    const { state, canForget, snapshots, reuse } = this.#parts;
    return canForget ? reuse(state, { tokens: prompt, breaks: snapshots.known.lengthsIn(prompt) }) : 0;
  }

  /**
   * Keeps or restores what the prompt begins with, and removes the rest.
   *
   * @returns how many of the prompt's first tokens the sequence holds now; all only when their logits are there too
   */
  async prepare(request: CachedRequest): Promise<number> {
    const { state } = this.#parts;
    if (this.#repeats(request)) return state.length;
    const { prompt, cachePrompt = true, promptLogprobs } = request;
    const mayReuse = cachePrompt && !promptLogprobs;
    const reusable = mayReuse ? this.reusableTokens(prompt) : 0;
    const isRestored = mayReuse && (await this.#restoreLonger(prompt, reusable));
    // A snapshot that could not be restored leaves the sequence empty.
    if (!isRestored) await state.truncate(Math.min(reusable, state.length));
    return state.length;
  }

  /**
   * Replaces what the sequence holds by the snapshot of a known prefix.
   *
   * @returns false when there is no usable snapshot; the sequence may then be empty
   */
  async restore(prefix: KnownPrefix): Promise<boolean> {
    const { state, snapshots } = this.#parts;
    const path = snapshots.pathOf(prefix);
    if (path === undefined) return false;
    try {
      await state.load(path, prefix.tokens);
      return true;
    } catch (error) {
      snapshots.discard(prefix.name, error);
      return false;
    }
  }

  /** Whether the prompt is exactly what was evaluated last, and its last logits are still there. */
  #repeats({ prompt, maxTokens, cachePrompt = true, promptLogprobs }: CachedRequest): boolean {
    const { state } = this.#parts;
    if (!cachePrompt || promptLogprobs || maxTokens === 0 || !state.hasLogits) return false;
    if (prompt.length !== state.length || prompt.length !== state.prefilled) return false;
    return prompt.every((token, index) => token === state.tokens[index]);
  }

  /** Restores the longest known prefix that has more than `reusable` tokens. */
  async #restoreLonger(prompt: readonly Token[], reusable: number): Promise<boolean> {
    for (const prefix of this.#parts.snapshots.known.of(prompt).toReversed()) {
      if (prefix.tokens.length <= reusable) return false;
      if (await this.restore(prefix)) return true;
    }
    return false;
  }
}
