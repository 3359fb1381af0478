// States of conversations that have lost their slot, in memory. A conversation that returns is restored instead of evaluated. It is
// a list of states, each of the tokens behind the one before: at the end of a turn only the state of what is new is read, and the
// states before it stay. Where there is no room, states are cut so that conversations that begin alike share those of their
// beginning, and a system prompt is kept once. After that, the least recently used conversations go first.
import type { Token } from '../token.ts';
import {
  cutKvState,
  haveSameShape,
  type KvShape,
  type KvState,
  parseKvState,
  type StateUpTo,
} from './kv-state.ts';

/** What a sequence holds, or held when its state was kept. */
export interface HeldTokens {
  readonly tokens: readonly Token[];
  /** How many of them were evaluated as a cold start would: see docs/decisions/0002. */
  readonly prefilled: number;
  /** Whose requests may reuse it. Undefined: all. */
  readonly scope?: string | undefined;
}

/** A state whose layout is unknown: it can neither be cut nor follow another one. */
type WholeState = Pick<KvState, 'tokens' | 'bytes'>;

/** The first tokens of a state; what is behind them in it belongs to another conversation, or to none. */
interface Piece<State extends WholeState = WholeState> {
  readonly state: State;
  readonly tokens: number;
}

interface Conversation extends HeldTokens {
  prefilled: number;
  /** Each of the tokens behind the one before. */
  pieces: readonly Piece[];
}

/** The first tokens of a conversation, whose states others that begin with these may share. */
export interface Beginning {
  readonly tokens: number;
  /** See {@link HeldTokens}. */
  readonly prefilled: number;
  readonly pieces: readonly Piece<KvState>[];
}

/** A conversation that a prompt begins with. */
export interface FoundConversation extends HeldTokens {
  /** The states of the tokens, each of those behind the one before. */
  toStates(): readonly StateUpTo[];
  /** Forgets the conversation, because its state cannot be used. */
  forget(): void;
}

export interface ConversationCacheOptions {
  /** The most bytes of states. 0 keeps none. */
  readonly limitBytes: number;
  /** Whether a state can only be continued behind its last token: that of a recurrent model, or behind a sliding window. */
  readonly isIndivisible: boolean;
}

export interface KeepOptions {
  /**
   * Whether it is the state after all of the tokens. Another one is of the first ones, and kept only where its layout tells how
   * many. Default true.
   */
  readonly isComplete?: boolean;
  /** What the state follows. Default: nothing. */
  readonly behind?: Beginning;
}

/** A shared beginning of fewer tokens is not worth a state of its own. */
const shortestShared = 32;

/** A conversation of more pieces is read anew: to restore each takes a call. */
const mostPieces = 32;

const nothing: Beginning = { tokens: 0, prefilled: 0, pieces: [] };

export class ConversationCache {
  readonly limitBytes: number;
  readonly isIndivisible: boolean;
  /** Fewer tokens than those of the shortest conversation that had no room. */
  #longest = Number.POSITIVE_INFINITY;
  /** The least recently used first. */
  readonly #conversations = new Set<Conversation>();
  /** The conversations that share what they can with each one that is as old or older. */
  readonly #shared = new WeakSet<Conversation>();

  constructor({ limitBytes, isIndivisible }: ConversationCacheOptions) {
    this.limitBytes = limitBytes;
    this.isIndivisible = isIndivisible;
  }

  /** Whether the state of so many tokens may have room: none that is longer than another one that had none. */
  mayHold(tokens: number): boolean {
    return this.limitBytes > 0 && tokens <= this.#longest;
  }

  /** The number of conversations. */
  get size(): number {
    return this.#conversations.size;
  }

  /** The bytes of all states; what several share counts once. */
  get bytes(): number {
    const states = [...this.#conversations].flatMap(({ pieces }) => pieces.map(({ state }) => state));
    return [...new Set(states)].reduce((sum, { bytes }) => sum + bytes.byteLength, 0);
  }

  /**
   * Finds the conversation that has most of a prompt.
   *
   * @param countReusable - how many of the prompt's first tokens a conversation with these tokens has
   */
  find(countReusable: (held: HeldTokens) => number): FoundConversation | undefined {
    let best: Conversation | undefined;
    let tokens = 0;
    for (const conversation of this.#conversations) {
      const reusable = countReusable(conversation);
      if (this.isIndivisible && reusable !== conversation.tokens.length) continue;
      if (reusable <= tokens) continue;
      best = conversation;
      tokens = reusable;
    }
    return best && this.#toFound(best, tokens);
  }

  /** How many of a prompt's first tokens the conversation that begins most alike has. Uses none of them. */
  longestCommon(prompt: readonly Token[], scope?: string): number {
    const conversations = [...this.#conversations].filter((each) => each.scope === scope);
    return Math.max(0, ...conversations.map(({ tokens }) => countCommon(tokens, prompt)));
  }

  /** Whether a conversation with these tokens, or with more behind them, is kept. */
  has(tokens: readonly Token[], scope?: string): boolean {
    return [...this.#conversations].some(
      (each) => each.scope === scope && countCommon(each.tokens, tokens) === tokens.length,
    );
  }

  /** The longest beginning of these tokens of which the states are kept. */
  beginningOf(tokens: readonly Token[], scope?: string): Beginning {
    let best = nothing;
    for (const each of this.#conversations) {
      if (each.scope !== scope) continue;
      const pieces = firstPieces(each.pieces, countCommon(each.tokens, tokens));
      if (isWasteful(pieces.at(-1))) pieces.pop();
      const count = countTokens(pieces);
      if (count <= best.tokens || pieces.length >= mostPieces) continue;
      best = { tokens: count, prefilled: each.prefilled, pieces };
    }
    return best;
  }

  /** Keeps the state after `held.tokens`, which nobody changes later, and forgets what has no room beside it. */
  keep(held: HeldTokens, state: Uint8Array, { isComplete = true, behind = nothing }: KeepOptions = {}): void {
    const before = behind.pieces.reduce((sum, { state: { bytes } }) => sum + bytes.byteLength, 0);
    if (before + state.byteLength > this.limitBytes) {
      this.#longest = Math.min(this.#longest, held.tokens.length - 1);
      return;
    }
    const parsed = this.isIndivisible ? undefined : parseKvState(state);
    if (parsed === undefined) {
      if (!isComplete || behind.tokens > 0) return;
      this.#forgetEqual(held);
      const { length } = held.tokens;
      this.#conversations.add({
        ...held,
        pieces: [{ state: { tokens: length, bytes: state }, tokens: length }],
      });
    } else {
      this.#keepBehind(behind, parsed, held);
    }
    this.#makeRoom();
  }

  #keepBehind(behind: Beginning, state: KvState, held: HeldTokens): void {
    const end = behind.tokens + state.tokens;
    if (state.first !== behind.tokens || end > held.tokens.length) return;
    if (behind.pieces.some((piece) => !haveSameShape(piece.state.shape, state.shape))) return;
    const kept = {
      ...held,
      tokens: held.tokens.slice(0, end),
      prefilled: Math.min(exactBehind(behind, held), end),
      pieces: [...behind.pieces, { state, tokens: state.tokens }],
    };
    this.#forgetBeginnings(kept);
    this.#conversations.add(kept);
  }

  #toFound(conversation: Conversation, reusable: number): FoundConversation {
    // The most recently used last.
    this.#conversations.delete(conversation);
    this.#conversations.add(conversation);
    const { tokens, prefilled, pieces, scope } = conversation;
    return {
      tokens: tokens.slice(0, reusable),
      prefilled,
      scope,
      toStates: () => toStates(pieces, reusable),
      forget: () => this.#conversations.delete(conversation),
    };
  }

  #forgetEqual({ tokens, scope }: HeldTokens): void {
    for (const each of this.#conversations) {
      if (each.scope !== scope) continue;
      if (each.tokens.length === tokens.length && countCommon(each.tokens, tokens) === tokens.length)
        this.#conversations.delete(each);
    }
  }

  /** Forgets what a longer conversation has whole. */
  #forgetBeginnings({ tokens, prefilled, scope }: HeldTokens): void {
    for (const each of this.#conversations) {
      if (each.scope !== scope) continue;
      const isBeginning = countCommon(each.tokens, tokens) === each.tokens.length;
      if (isBeginning && each.prefilled <= prefilled) this.#conversations.delete(each);
    }
  }

  #makeRoom(): void {
    if (this.bytes <= this.limitBytes) return;
    const before: Conversation[] = [];
    for (const each of this.#conversations) {
      if (!this.#shared.has(each)) {
        this.#shareWithOneOf(before, each);
        this.#shared.add(each);
        if (this.bytes <= this.limitBytes) return;
      }
      before.push(each);
    }
    for (const oldest of this.#conversations) {
      if (this.bytes <= this.limitBytes) return;
      this.#conversations.delete(oldest);
    }
  }

  /** Has a conversation share the states of the one that begins most alike. */
  #shareWithOneOf(others: readonly Conversation[], conversation: Conversation): void {
    const shape = shapeOf(conversation);
    if (shape === undefined) return;
    let from: Conversation | undefined;
    let common = shortestShared - 1;
    for (const other of others) {
      const otherShape = shapeOf(other);
      if (otherShape === undefined || !haveSameShape(otherShape, shape)) continue;
      const count = countCommon(other.tokens, conversation.tokens);
      if (count <= common) continue;
      from = other;
      common = count;
    }
    if (from === undefined) return;
    this.#cutAt(from, common);
    const shared = firstPieces(from.pieces, common);
    conversation.prefilled = exactBehind({ tokens: common, prefilled: from.prefilled }, conversation);
    conversation.pieces = [...shared, ...lastPieces(conversation.pieces, common)];
  }

  /** Cuts the state across the end of a conversation's first tokens in two, for all that share it. */
  #cutAt(conversation: Conversation, tokens: number): void {
    const pieces = firstPieces(conversation.pieces, tokens);
    const last = pieces.at(-1);
    if (last === undefined || last.tokens === last.state.tokens) return;
    const { state, tokens: at } = last;
    const halves = [cutKvState(state, 0, at), cutKvState(state, at, state.tokens)] as const;
    for (const each of this.#conversations) {
      each.pieces = each.pieces.flatMap((piece) => {
        if (piece.state !== state) return [piece];
        const [first, second] = halves;
        if (piece.tokens <= at) return [{ state: first, tokens: piece.tokens }];
        return [
          { state: first, tokens: at },
          { state: second, tokens: piece.tokens - at },
        ];
      });
    }
  }
}

/** How many tokens of a conversation were evaluated as a cold start would when others evaluated the first ones. */
function exactBehind(
  { tokens, prefilled }: Pick<Beginning, 'tokens' | 'prefilled'>,
  held: Pick<HeldTokens, 'prefilled'>,
): number {
  return prefilled < tokens ? Math.min(prefilled, held.prefilled) : held.prefilled;
}

function isLaidOut(piece: Piece): piece is Piece<KvState> {
  return 'shape' in piece.state;
}

function shapeOf({ pieces: [first] }: Conversation): KvShape | undefined {
  return first !== undefined && isLaidOut(first) ? first.state.shape : undefined;
}

/** The pieces of the first tokens. */
function firstPieces(pieces: readonly Piece[], tokens: number): Piece<KvState>[] {
  const first: Piece<KvState>[] = [];
  let left = tokens;
  for (const piece of pieces) {
    if (left === 0 || !isLaidOut(piece)) break;
    const count = Math.min(left, piece.tokens);
    first.push({ state: piece.state, tokens: count });
    left -= count;
  }
  return first;
}

/** Copies of the pieces of what is behind the first tokens, where they are not whole. */
function lastPieces(pieces: readonly Piece[], tokens: number): readonly Piece[] {
  let end = 0;
  return pieces.flatMap((piece) => {
    const from = tokens - end;
    end += piece.tokens;
    if (from <= 0) return [piece];
    if (end <= tokens || !isLaidOut(piece)) return [];
    const state = cutKvState(piece.state, from, piece.tokens);
    return [{ state, tokens: state.tokens }];
  });
}

/** Whether most of a state is not used. */
function isWasteful(piece: Piece | undefined): boolean {
  return piece !== undefined && piece.tokens * 2 < piece.state.tokens;
}

/** What is behind the used tokens is removed once it is restored: only where that is most of a state, a copy is cheaper. */
function toStates(pieces: readonly Piece[], tokens: number): readonly StateUpTo[] {
  const [first] = pieces;
  if (first !== undefined && !isLaidOut(first)) return [{ bytes: first.state.bytes, end: tokens }];
  let end = 0;
  return firstPieces(pieces, tokens).map((piece) => {
    end += piece.tokens;
    const { bytes } = isWasteful(piece) ? cutKvState(piece.state, 0, piece.tokens) : piece.state;
    return { bytes, end };
  });
}

function countTokens(pieces: readonly Piece[]): number {
  return pieces.reduce((sum, { tokens }) => sum + tokens, 0);
}

/** How many tokens two texts begin with alike. */
export function countCommon(one: ArrayLike<Token>, other: ArrayLike<Token>): number {
  const limit = Math.min(one.length, other.length);
  let common = 0;
  while (common < limit && one[common] === other[common]) common += 1;
  return common;
}
