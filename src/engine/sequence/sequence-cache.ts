// Decides what a prompt reuses: tokens that its sequence holds, a conversation that lost its slot, the snapshot of a known
// prefix, or nothing. What a sequence loses by that is kept with the conversations.
import type { ConversationCache, HeldTokens } from '../cache/conversation-cache.ts';
import type { CacheRule, GenerationRequest } from '../engine.ts';
import type { KnownPrefix } from '../prompt/known-prefixes.ts';
import type { PrefixSnapshots } from '../prompt/prefix-snapshots.ts';
import { toWholeBlocks } from '../prompt/prompt-chunks.ts';
import type { SequenceMemory } from './native-sequence.ts';
import { reuseRules } from './reuse-rule.ts';
import type { SequenceState } from './sequence-state.ts';

export interface SequenceCacheParts {
  readonly state: SequenceState;
  readonly native: Pick<SequenceMemory, 'canGoBack' | 'readsParts'>;
  readonly snapshots: PrefixSnapshots;
  readonly conversations: ConversationCache;
  /** The rule of requests that name none. */
  readonly rule: CacheRule;
}

type CachedRequest = Pick<
  GenerationRequest,
  'prompt' | 'maxTokens' | 'cachePrompt' | 'promptLogprobs' | 'cacheScope'
>;

/** Fewer tokens are evaluated about as fast as a state is copied. */
const worthCopying = 8;

export class SequenceCache {
  readonly #parts: SequenceCacheParts;

  constructor(parts: SequenceCacheParts) {
    this.#parts = parts;
  }

  /** What a request may reuse; undefined is nothing. */
  ruleOf({
    cachePrompt = true,
    promptLogprobs,
  }: Omit<CachedRequest, 'prompt' | 'maxTokens'>): CacheRule | undefined {
    if (!cachePrompt || promptLogprobs) return undefined;
    return cachePrompt === 'exact' ? 'exact' : this.#parts.rule;
  }

  /** How many of a prompt's first tokens need no evaluation on this sequence. */
  reusableTokens(request: Omit<CachedRequest, 'maxTokens'>): number {
    const rule = this.ruleOf(request);
    if (rule === undefined) return 0;
    const { state, native } = this.#parts;
    const count = this.#countCommon(state, request, rule);
    // Where a window has slid, cells stand in another order than in a cold start, which rounds otherwise.
    if (rule === 'exact') return native.canGoBack(0) ? count : 0;
    // What cannot go back can only go on.
    return count === state.tokens.length || native.canGoBack(count) ? count : 0;
  }

  /**
   * Keeps or restores what the prompt begins with, and removes the rest.
   *
   * @returns how many of the prompt's first tokens the sequence holds now; all only when their logits are there too
   */
  async prepare(request: CachedRequest): Promise<number> {
    const { state } = this.#parts;
    const rule = this.ruleOf(request);
    if (rule !== undefined && this.#repeats(request, rule)) return state.length;
    const reusable = this.reusableTokens(request);
    const isRestored = rule !== undefined && (await this.#restoreLonger(request, reusable, rule));
    if (!isRestored) {
      // A state that could not be restored leaves the sequence empty.
      const length = Math.min(reusable, state.length);
      await this.#keepUnless(length);
      await state.truncate(length, rule);
    }
    state.scope = request.cacheScope;
    return state.length;
  }

  /** Keeps a copy of what the sequence holds now. */
  async keep(): Promise<void> {
    const { state, native, conversations } = this.#parts;
    const { tokens, scope } = state;
    if (!conversations.mayHold(tokens.length) || conversations.has(tokens, scope)) return;
    const behind = native.readsParts ? conversations.beginningOf(tokens, scope) : undefined;
    const read = await state.read(behind?.tokens);
    if (read === undefined) return;
    const { held, state: bytes, isComplete } = read;
    conversations.keep({ ...held, scope }, bytes, { isComplete, ...(behind && { behind }) });
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

  #countCommon(
    held: HeldTokens,
    { prompt, cacheScope }: Pick<CachedRequest, 'prompt' | 'cacheScope'>,
    rule: CacheRule,
  ): number {
    if (held.scope !== cacheScope) return 0;
    const { known } = this.#parts.snapshots;
    return reuseRules[rule](held, { tokens: prompt, breaks: known.lengthsIn(prompt) });
  }

  /** Whether the prompt is exactly what was evaluated last, and its last logits are still there. */
  #repeats({ prompt, maxTokens, cacheScope }: CachedRequest, rule: CacheRule): boolean {
    const { state } = this.#parts;
    if (state.scope !== cacheScope) return false;
    if (maxTokens === 0 || !state.hasLogits || prompt.length !== state.length) return false;
    if (rule === 'exact' && prompt.length !== state.prefilled) return false;
    return prompt.every((token, index) => token === state.tokens[index]);
  }

  /** Restores what has more than `reusable` tokens of the prompt, the most first. */
  async #restoreLonger(request: CachedRequest, reusable: number, rule: CacheRule): Promise<boolean> {
    const { prompt } = request;
    const prefixes = this.#parts.snapshots.known.of(prompt);
    const inSnapshot = prefixes.at(-1)?.tokens.length ?? 0;
    const least = Math.max(inSnapshot, reusable + worthCopying);
    if (await this.#restoreConversation(request, { reusable, least }, rule)) return true;
    for (const prefix of prefixes.toReversed()) {
      if (prefix.tokens.length <= reusable) return false;
      await this.#keepUnless(reusable);
      if (await this.restore(prefix)) return true;
    }
    return false;
  }

  /** Restores the conversation that has most of the prompt, where that is at least `least` tokens. */
  async #restoreConversation(
    request: CachedRequest,
    { reusable, least }: { readonly reusable: number; readonly least: number },
    rule: CacheRule,
  ): Promise<boolean> {
    const { state, conversations } = this.#parts;
    // A state that is kept whole has its cells in another order, too.
    if (rule === 'exact' && conversations.isIndivisible) return false;
    const found = conversations.find((held) => this.#countCommon(held, request, rule));
    if (found === undefined || found.tokens.length < least) return false;
    const states = found.toStates();
    await this.#keepUnless(reusable);
    const { tokens } = found;
    const exact = rule === 'exact' ? tokens.length : toWholeBlocks(tokens.length);
    try {
      await state.write({ tokens, prefilled: Math.min(found.prefilled, exact) }, states);
    } catch {
      found.forget();
      return false;
    }
    return true;
  }

  /** Keeps a copy of what the sequence holds, unless it loses but a few tokens behind the first `length`. */
  async #keepUnless(length: number): Promise<void> {
    if (this.#parts.state.tokens.length - length > worthCopying) await this.keep();
  }
}
