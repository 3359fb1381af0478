// One sequence of a context, which generates one text at a time: reuse of the cache, prefill, decode.
import type { ConversationArchive } from '../cache/conversation-archive.ts';
import type { ConversationCache } from '../cache/conversation-cache.ts';
import type { Clock } from '../clock.ts';
import type {
  BranchRequest,
  BranchScores,
  CacheRule,
  ExpectedPrompt,
  GenerationEvent,
  GenerationRequest,
  Token,
} from '../engine.ts';
import type { AttentionTiles } from '../prompt/attention-tiles.ts';
import type { KnownPrefix } from '../prompt/known-prefixes.ts';
import type { PrefixSnapshots } from '../prompt/prefix-snapshots.ts';
import { PromptLookup } from '../prompt/prompt-lookup.ts';
import { GeneratedText } from '../text/generated-text.ts';
import type { Detokenize } from '../text/token-text.ts';
import { BranchScorer } from './branch-scorer.ts';
import { decode } from './decode.ts';
import { GenerationRun, type GenerationRunOptions, type PromptRequest } from './generation-run.ts';
import type { NativeSequence } from './native-sequence.ts';
import type { Pace } from './pace.ts';
import { Prefill } from './prefill.ts';
import type { AnnouncedPrompt, PromptSharing, SharingSequence } from './prompt-sharing.ts';
import { SequenceCache } from './sequence-cache.ts';
import { SequenceState } from './sequence-state.ts';
import { StepQueue } from './step-queue.ts';
import { type EndOfGeneration, TokenChooser } from './token-chooser.ts';

export interface SequenceParts<Grammar> {
  readonly native: NativeSequence<Grammar>;
  readonly vocabulary: EndOfGeneration & {
    readonly detokenizeGenerated: (
      tokens: readonly Token[],
      before: readonly Token[],
      visible: ReadonlySet<Token>,
    ) => string;
  };
  readonly snapshots: PrefixSnapshots;
  readonly pace: Pace;
  readonly clock: Clock;
  readonly conversations: ConversationCache;
  /** Of the context's sequences. */
  readonly sharing: PromptSharing;
  /** Absent: conversations end with this process. */
  readonly archive?: ConversationArchive | undefined;
  /** What requests that name no rule may reuse. */
  readonly rule: CacheRule;
  /** The most tokens to guess at once; 0 guesses none. */
  readonly lookupTokens: number;
  /** Absent: the attention has no tiles, or other sequences fill them. */
  readonly tiles?: AttentionTiles | undefined;
}

export interface SequenceGenerationOptions<Grammar> extends Omit<GenerationRunOptions, 'rule'> {
  readonly grammar: Grammar | undefined;
}

/** Tokens of a prompt behind its checkpoint: about as many as open an answer. */
const tokensAfterCheckpoint = 8;

export class Sequence<Grammar> {
  readonly #parts: SequenceParts<Grammar>;
  readonly #state: SequenceState;
  readonly #cache: SequenceCache;
  readonly #prefill: Prefill;
  readonly #sharer: SharingSequence;
  /** The last generation. */
  #last: GenerationRun | undefined;

  constructor(parts: SequenceParts<Grammar>) {
    const { native, snapshots, conversations, rule, pace, clock, tiles } = parts;
    const state = new SequenceState(native);
    this.#parts = parts;
    this.#state = state;
    this.#cache = new SequenceCache({
      state,
      native,
      snapshots,
      conversations,
      rule,
    });
    this.#sharer = { state, keep: () => this.#cache.keep() };
    parts.sharing.add(this.#sharer);
    this.#prefill = new Prefill({ state, native, known: snapshots.known, pace, clock, tiles });
  }

  /** How many tokens of a request's prompt this sequence would not have to evaluate. */
  reusableTokens(request: Omit<PromptRequest, 'maxTokens'>): number {
    return this.#cache.reusableTokens(request);
  }

  /**
   * Generates as {@link Engine.generate} does. One caller at a time: a sequence has one writer.
   *
   * @throws the signal's reason when aborted, within one token or one piece of the prompt
   */
  async *generate(
    request: GenerationRequest,
    { grammar, ...options }: SequenceGenerationOptions<Grammar>,
  ): AsyncGenerator<GenerationEvent, void, void> {
    const rule = this.#cache.ruleOf(request);
    const run = new GenerationRun(request, { ...options, rule }, this.#parts);
    this.#last = run;
    // Slots share nothing where each caller has a cache of its own.
    const isShared = request.cacheScope === undefined;
    const announced = this.#parts.sharing.begin(this.#sharer, isShared ? request.prompt : []);
    try {
      const hasTime = await this.#evaluateUntilLast(run);
      if (hasTime && request.maxTokens > 0) {
        yield* this.#decode(run, grammar, announced);
      } else {
        if (hasTime) await this.#prefill.evaluateLast(run);
        if (request.promptLogprobs) yield { type: 'prompt', scores: run.promptScores };
      }
    } finally {
      announced.end();
    }
    yield { type: 'end', summary: run.toSummary() };
  }

  /** Scores as {@link Engine.scoreBranches} does. One caller at a time. */
  async scoreBranches(
    { prompt, branches, ...scope }: BranchRequest,
    { signal, waitMs }: Omit<GenerationRunOptions, 'rule'>,
  ): Promise<BranchScores> {
    // With what follows it, a prompt may be reused to its end: its last logits are not needed.
    const request: PromptRequest = {
      ...scope,
      prompt: [...prompt, ...(branches[0]?.tokens.slice(0, 1) ?? [])],
      maxTokens: 0,
    };
    const rule = this.#cache.ruleOf(request);
    const run = new GenerationRun(request, { signal, waitMs, rule }, this.#parts);
    this.#last = undefined;
    const announced = this.#parts.sharing.begin(this.#sharer, prompt);
    try {
      await this.#reuse(run);
      await this.#prefill.evaluateFirst(run, prompt.length);
    } finally {
      announced.end();
    }
    const tokensWithin = (milliseconds: number) => this.#prefill.tokensWithin(milliseconds);
    const parts = { ...this.#parts, state: this.#state, tokensWithin };
    const logprobs = await new BranchScorer(branches, signal, parts).score();
    return { logprobs, summary: { ...run.toSummary(), unevaluatedTokens: 0 } };
  }

  /**
   * Evaluates what is expected to follow the tokens that the sequence holds. Where chats take turns, it keeps a copy of the state too:
   * the next prompt then waits for neither. One caller at a time.
   *
   * @throws the signal's reason when aborted, within a short piece of the prompt
   */
  async anticipate(expected: ExpectedPrompt, signal: AbortSignal): Promise<void> {
    const request: PromptRequest = { ...expected, maxTokens: 0 };
    const { prompt } = request;
    const { native, conversations } = this.#parts;
    const rule = this.#cache.ruleOf(request);
    const held = this.#cache.reusableTokens(request);
    // Nothing is lost if another prompt comes.
    if (rule !== 'common' || held === 0 || !native.canGoBack(held, prompt.length)) return;
    const run = new GenerationRun(request, { signal, waitMs: 0, rule }, this.#parts);
    this.#last = undefined;
    await this.#cache.prepare(request);
    await this.#prefill.evaluateAside(run);
    if (conversations.size > 0) await this.#cache.keep();
  }

  /**
   * Begins to archive the turn of a chat that has just ended.
   *
   * @returns settled when the sequence may be used again; undefined when nothing is archived
   */
  archiveTurn(): Promise<unknown> | undefined {
    const { archive } = this.#parts;
    const run = this.#last;
    if (archive === undefined || run?.request.turn === undefined || run.text.length === 0) return undefined;
    const reading = this.#state.read();
    archive.save(run.request, run.text, reading);
    return reading;
  }

  /** Has the sequence hold what its prompt may reuse. */
  async #reuse(run: GenerationRun<PromptRequest>): Promise<void> {
    const { request, rule, signal } = run;
    if (rule === 'common') {
      const held = this.#cache.reusableTokens(request);
      if (request.cacheScope === undefined)
        await this.#parts.sharing.collect(this.#sharer, request.prompt, held, signal);
      await this.#parts.archive?.restore(request, held, signal);
    }
    await this.#cache.prepare(request);
    if (rule === 'common') await this.#fillTile(request.prompt.length);
    run.cachedTokens = this.#state.length;
  }

  /** Gives up what is evaluated again in less time, together with the rest of a prompt. */
  async #fillTile(length: number): Promise<void> {
    const { tiles, native } = this.#parts;
    const held = this.#state.length;
    const reused = tiles?.toReuse(held, length) ?? held;
    if (reused < held && native.canGoBack(reused)) await this.#state.truncate(reused, 'common');
  }

  async #evaluateUntilLast(run: GenerationRun): Promise<boolean> {
    await this.#reuse(run);
    return (await this.#evaluateCheckpoint(run)) && (await this.#prefill.evaluateUntilLast(run));
  }

  /**
   * Keeps the state from before the answer where the sequence cannot go back to it afterwards: the next turn may render the answer
   * otherwise, without its thoughts for example. Templates change a few tokens before it too.
   */
  async #evaluateCheckpoint(run: GenerationRun): Promise<boolean> {
    const { native, conversations } = this.#parts;
    const { prompt, maxTokens } = run.request;
    const length = prompt.length - tokensAfterCheckpoint;
    if (run.rule !== 'common' || !conversations.mayHold(length)) return true;
    if (length - run.cachedTokens < tokensAfterCheckpoint) return true;
    if (native.canGoBack(length, prompt.length + maxTokens)) return true;
    if (!(await this.#prefill.evaluateFirst(run, length))) return false;
    await this.#cache.keep();
    return true;
  }

  /** Restores the snapshot of a known prefix, where there is a usable one. */
  async restore(prefix: KnownPrefix): Promise<void> {
    await this.#cache.restore(prefix);
  }

  /**
   * Evaluates a known prefix and writes its state to a file.
   *
   * @throws {Error} when the file cannot be written
   */
  async saveSnapshot({ tokens }: KnownPrefix, path: string): Promise<void> {
    await this.#state.truncate(0);
    await this.#prefill.evaluateText(tokens);
    await this.#state.save(path);
  }

  async *#decode(
    run: GenerationRun,
    grammar: Grammar | undefined,
    announced: AnnouncedPrompt,
  ): AsyncGenerator<GenerationEvent, void, void> {
    const { native, vocabulary, pace, clock, lookupTokens } = this.#parts;
    const { prompt, stop, logprobs, sampling } = run.request;
    const visible = new Set(run.request.visibleTokens);
    const detokenize: Detokenize = (tokens, before) =>
      vocabulary.detokenizeGenerated(tokens, before, visible);
    const text = new GeneratedText(detokenize, prompt, stop, sampling.minTokens);
    using sampler = native.createSampler(run.request, grammar);
    const lookup = new PromptLookup(prompt, native.canGuess ? lookupTokens : 0);
    const chooser = new TokenChooser({ native, vocabulary, sampler, logprobs, clock });
    const first = this.#prefill.chooseFirst(run, async (output) => [await chooser.choose(output)]);
    const evaluated = first.finally(() => announced.end());
    const parts = { state: this.#state, native, vocabulary, sampler, chooser, lookup, pace, clock };
    yield* decode(run, new StepQueue(run, evaluated, parts), text);
  }
}
