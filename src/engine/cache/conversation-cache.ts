// States of conversations that have lost their slot, in memory. A conversation that returns is restored instead of evaluated.
// While there is room, a state is kept as it was read: to restore it takes no other copy. When there is none, states become
// segments of tokens, and those that begin alike share the segments of their beginning, so that a system prompt is kept once. After
// that, the least recently used conversations go first.
import type { Token } from '../token.ts';
import {
  cutSegment,
  haveSameShape,
  type KvSegment,
  type KvShape,
  type KvState,
  parseKvState,
  toKvState,
} from './kv-state.ts';

/** What a sequence holds, or held when its state was kept. */
export interface HeldTokens {
  readonly tokens: readonly Token[];
  /** How many of them were evaluated as a cold start would: see docs/decisions/0002. */
  readonly prefilled: number;
  /** Whose requests may reuse it. Undefined: all. */
  readonly scope?: string | undefined;
}

/** A state as it was read. */
interface Whole {
  readonly bytes: Uint8Array;
  /** Undefined where the layout is unknown: it cannot become segments. */
  readonly parsed: KvState | undefined;
}

interface Segmented {
  readonly shape: KvShape;
  segments: KvSegment[];
}

interface Conversation extends HeldTokens {
  state: Whole | Segmented;
}

/** A conversation that a prompt begins with. */
export interface FoundConversation {
  /** How many of the prompt's tokens it has. */
  readonly tokens: number;
  readonly prefilled: number;
  /** The state after these tokens, or after all of the conversation's where its state is kept whole. */
  toState(): Uint8Array;
  /** The conversation's tokens that {@link toState} gives the state of. */
  readonly stateTokens: readonly Token[];
  /** Forgets the conversation, because its state cannot be used. */
  forget(): void;
}

export interface ConversationCacheOptions {
  /** The most bytes of states. 0 keeps none. */
  readonly limitBytes: number;
  /** Whether a state can only be continued behind its last token: that of a recurrent model, or behind a sliding window. */
  readonly isIndivisible: boolean;
}

/** A shared beginning of fewer tokens is not worth a segment of its own. */
const shortestSegment = 32;

export class ConversationCache {
  readonly limitBytes: number;
  readonly isIndivisible: boolean;
  /** Fewer tokens than those of the shortest state that had no room. */
  #longest = Number.POSITIVE_INFINITY;
  /** The least recently used first. */
  readonly #conversations = new Set<Conversation>();

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
    const parts = new Set<Uint8Array>();
    for (const { state } of this.#conversations) for (const each of bytesOf(state)) parts.add(each);
    return [...parts].reduce((sum, each) => sum + each.byteLength, 0);
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

  /**
   * Keeps the state after `held.tokens`, which nobody changes later, and forgets what has no room beside it. A state of fewer
   * tokens is that of the first ones: the others were being evaluated.
   *
   * @param isComplete - whether it is the state after all of the tokens; another one is kept only where its layout tells how many
   */
  keep(held: HeldTokens, state: Uint8Array, isComplete = true): void {
    if (state.byteLength > this.limitBytes) {
      this.#longest = Math.min(this.#longest, held.tokens.length - 1);
      return;
    }
    const parsed = this.isIndivisible ? undefined : parseKvState(state);
    if (parsed === undefined) {
      if (!isComplete) return;
      this.#forgetEqual(held);
      this.#conversations.add({ ...held, state: { bytes: state, parsed } });
    } else if (parsed.tokens <= held.tokens.length) {
      const tokens = held.tokens.slice(0, parsed.tokens);
      const kept = { ...held, tokens, prefilled: Math.min(held.prefilled, parsed.tokens) };
      this.#forgetBeginnings(kept);
      this.#conversations.add({ ...kept, state: { bytes: state, parsed } });
    }
    this.#makeRoom();
  }

  /** Cuts a state into segments: those that it shares, and one of the tokens behind them. */
  #toSegments(tokens: readonly Token[], { shape, tokens: count, slice }: KvState): Segmented {
    const segments = [...this.#share(tokens, shape)];
    const start = segments.reduce((sum, segment) => sum + segment.tokens, 0);
    if (start < count) segments.push(slice(start, count));
    return { shape, segments };
  }

  #toFound(conversation: Conversation, reusable: number): FoundConversation {
    // The most recently used last.
    this.#conversations.delete(conversation);
    this.#conversations.add(conversation);
    const { state, tokens, prefilled } = conversation;
    const isWhole = 'bytes' in state && (state.parsed === undefined || reusable === tokens.length);
    return {
      tokens: reusable,
      prefilled,
      stateTokens: isWhole ? tokens : tokens.slice(0, reusable),
      toState: () => (isWhole ? state.bytes : toStateOf(state, reusable)),
      forget: () => this.#conversations.delete(conversation),
    };
  }

  /** The segments that a conversation has in common with the one that begins most alike. */
  #share(tokens: readonly Token[], shape: KvShape): readonly KvSegment[] {
    let longest = 0;
    let from: Segmented | undefined;
    for (const { state, tokens: others } of this.#conversations) {
      if (!('segments' in state) || !haveSameShape(state.shape, shape)) continue;
      const common = countCommon(others, tokens);
      if (common <= longest) continue;
      longest = common;
      from = state;
    }
    if (from === undefined) return [];
    const shared: KvSegment[] = [];
    let start = 0;
    for (const segment of from.segments) {
      const common = Math.min(longest - start, segment.tokens);
      if (common === segment.tokens) shared.push(segment);
      else if (common >= shortestSegment) shared.push(this.#cut(shape, segment, common));
      if (common < segment.tokens) break;
      start += segment.tokens;
    }
    return shared;
  }

  /** Cuts a segment in two for all that have it, and returns its beginning. */
  #cut(shape: KvShape, segment: KvSegment, at: number): KvSegment {
    const halves = cutSegment(shape, segment, at);
    for (const { state } of this.#conversations) {
      if (!('segments' in state)) continue;
      state.segments = state.segments.flatMap((each) => (each === segment ? halves : [each]));
    }
    return halves[0];
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
    for (const each of this.#conversations) {
      if (this.bytes <= this.limitBytes) return;
      if ('parsed' in each.state && each.state.parsed !== undefined)
        each.state = this.#toSegments(each.tokens, each.state.parsed);
    }
    for (const oldest of this.#conversations) {
      if (this.bytes <= this.limitBytes) return;
      this.#conversations.delete(oldest);
    }
  }
}

/** How many tokens two texts begin with alike. */
export function countCommon(one: ArrayLike<Token>, other: ArrayLike<Token>): number {
  const limit = Math.min(one.length, other.length);
  let common = 0;
  while (common < limit && one[common] === other[common]) common += 1;
  return common;
}

function bytesOf(state: Conversation['state']): readonly Uint8Array[] {
  return 'bytes' in state ? [state.bytes] : state.segments.map(({ bytes }) => bytes);
}

/** The state of the first tokens. */
function toStateOf(state: Conversation['state'], tokens: number): Uint8Array {
  if ('segments' in state) return toKvState(state.shape, state.segments, tokens);
  const { bytes, parsed } = state;
  return parsed === undefined ? bytes : toKvState(parsed.shape, [parsed.slice(0, tokens)], tokens);
}
