// Scores the continuations of a prompt's branches. Where sequences can share cells, many branches are evaluated in one batch.
// Elsewhere, and where a branch is too long for that, the sequence itself goes along a branch and back again.
import type { Clock } from '../clock.ts';
import type { Branch, Token } from '../engine.ts';
import type { NativeSequence } from './native-sequence.ts';
import type { Pace } from './pace.ts';
import type { SequenceState } from './sequence-state.ts';
import { isWanted, packSubtrees, type TokenNode, TokenTree, type TreePiece } from './token-tree.ts';

export interface BranchScorerParts {
  readonly state: SequenceState;
  readonly native: Pick<
    NativeSequence<never>,
    'canGoBack' | 'contextSize' | 'mostBranches' | 'mostOutputs' | 'scoreTokens' | 'scoreTree'
  >;
  /** The most tokens to evaluate together for so many milliseconds. */
  readonly tokensWithin: (milliseconds: number) => number;
  readonly pace: Pace;
  readonly clock: Clock;
}

/**
 * An abort is seen between two pieces. A tree is cut only where it takes longer than this: what its branches have in common is then
 * evaluated alone, and each token costs up to twice as much.
 */
const longestPieceMs = 3000;

export class BranchScorer {
  readonly #parts: BranchScorerParts;
  readonly #signal: AbortSignal | undefined;
  readonly #tree: TokenTree;
  /** Whether it goes back by removing tokens, all along the tree; else it copies the state. */
  readonly #canGoBack: boolean;

  constructor(branches: readonly Branch[], signal: AbortSignal | undefined, parts: BranchScorerParts) {
    this.#parts = parts;
    this.#signal = signal;
    this.#tree = new TokenTree(branches);
    const { state, native } = parts;
    // Behind a sliding window, each way may overwrite as many cells as it has tokens, and leave as many empty.
    this.#canGoBack = native.canGoBack(state.length, state.length + 2 * this.#tree.root.depth);
  }

  /**
   * Scores behind what the sequence holds, which it holds again afterwards.
   *
   * @returns as {@link BranchScores.logprobs}
   * @throws the signal's reason when aborted, after the piece that is being evaluated
   */
  async score(): Promise<number[][]> {
    await this.#scoreBehind(this.#tree.root);
    return this.#tree.toLogprobs();
  }

  /** Scores all behind a node whose token is the last that the sequence holds. */
  async #scoreBehind(node: TokenNode): Promise<void> {
    const { state, native } = this.#parts;
    const tokens = Math.min(this.#longestPiece, native.contextSize - state.length);
    const room = { tokens, ends: native.mostBranches, outputs: native.mostOutputs };
    const { pieces, larger } = packSubtrees(node.children.values(), room);
    for (const piece of pieces) await this.#scorePiece(piece);
    if (larger.length === 0) return;
    const goBack = await this.#rememberPlace();
    for (const subtree of larger) {
      await this.#scoreBehind(await this.#goAlong(subtree));
      await goBack();
    }
  }

  get #longestPiece(): number {
    return this.#parts.tokensWithin(longestPieceMs);
  }

  async #scorePiece(piece: TreePiece): Promise<void> {
    const { state, native } = this.#parts;
    const logprobs = await this.#timed(piece.tokens.length, () => state.fork(() => native.scoreTree(piece)));
    for (const [index, { place }] of piece.wanted.entries()) this.#keep(place, logprobs[index]);
  }

  /** Evaluates a node and those behind it until they part or end. Returns the last one. */
  async #goAlong(first: TokenNode): Promise<TokenNode> {
    const chain = [first];
    let last = first;
    for (
      let [next] = last.children.values();
      next !== undefined && last.children.size === 1;
      [next] = last.children.values()
    ) {
      chain.push(next);
      last = next;
    }
    const longest = Math.floor(this.#longestPiece);
    let piece: TokenNode[] = [];
    let outputs = 0;
    for (const node of chain) {
      const more = isWanted(node) ? 1 : 0;
      if (piece.length === longest || outputs + more > this.#parts.native.mostOutputs) {
        await this.#evaluate(piece);
        piece = [];
        outputs = 0;
      }
      piece.push(node);
      outputs += more;
    }
    await this.#evaluate(piece);
    return last;
  }

  async #evaluate(nodes: readonly TokenNode[]): Promise<void> {
    const { state, native } = this.#parts;
    const outputs = nodes.flatMap((node, index) => (isWanted(node) ? [index] : []));
    await this.#timed(nodes.length, () =>
      state.evaluate({
        tokens: nodes.map(({ token }) => token),
        outputs,
        read: async (numbers) => {
          for (const [index, output] of outputs.entries()) {
            const wanted = [...(nodes[output]?.wanted ?? new Map<Token, number>())];
            const logprobs = await native.scoreTokens(
              numbers[index] ?? -1,
              wanted.map(([token]) => token),
            );
            for (const [each, [, place]] of wanted.entries()) this.#keep(place, logprobs[each]);
          }
        },
      }),
    );
  }

  /** Returns what makes the sequence hold again what it holds now. */
  async #rememberPlace(): Promise<() => Promise<void>> {
    const { state } = this.#parts;
    const { length } = state;
    if (this.#canGoBack) return () => state.truncate(length);
    const read = await state.read();
    return async () => {
      if (read !== undefined)
        await state.write(read.held, [{ bytes: read.state, end: read.held.tokens.length }]);
    };
  }

  async #timed<Result>(tokens: number, evaluate: () => Promise<Result>): Promise<Result> {
    const { pace, clock } = this.#parts;
    this.#signal?.throwIfAborted();
    const startedAt = clock.now();
    const result = await evaluate();
    pace.prefilled(tokens, clock.now() - startedAt);
    return result;
  }

  #keep(place: number, logprob: number | undefined): void {
    this.#tree.scores[place] = logprob ?? Number.NaN;
  }
}
