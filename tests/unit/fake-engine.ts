// An engine without a model. A token is a character or a byte, and the answers are fixed.
import type {
  AsideOptions,
  BranchRequest,
  BranchScores,
  Engine,
  GeneratedToken,
  GenerationEvent,
  GenerationRequest,
  GenerationSummary,
  ModelProperties,
  ScoredToken,
  Token,
} from '../../src/engine/engine.ts';
import { toMarkPattern } from '../../src/engine/llama/llama-vocabulary.ts';
import { GeneratedText } from '../../src/engine/text/generated-text.ts';

const firstByteToken = 0x11_0000;
const bosToken = firstByteToken + 0x100;
const infillTokens = { prefix: bosToken + 1, suffix: bosToken + 2, middle: bosToken + 3 };

/** The vocabulary consists of code points, then bytes, then special tokens. */
const vocabularySize = bosToken + 4;

const fakeProperties: ModelProperties = {
  chatTemplate: undefined,
  bosToken: undefined,
  eosToken: undefined,
  eotToken: undefined,
  addsBosToken: false,
  vocabularySize,
  trainContextSize: 64,
  embeddingSize: 8,
  description: 'fake 1B',
  size: 1024,
  kvType: 'f16',
  memory: undefined,
};

/** An answer as text or as tokens. */
export type FakeAnswer = string | readonly Token[];

export interface FakeEngineOptions {
  readonly slots?: number;
  readonly contextSize?: number;
  readonly properties?: Partial<ModelProperties>;
  readonly summary?: Partial<GenerationSummary>;
  /** The log-probability of the tokens of each generation. Further generations use the last one. Default -0.5. */
  readonly logprobs?: readonly number[];
  /** Whether the model can fill in. Default false. */
  readonly infills?: boolean;
  /** The log-probability of a continuation behind a text. Default: -0.5 for each of its characters. */
  readonly branchLogprob?: (text: string, continuation: string) => number;
  /** Called before each event of a generation, and before branches are scored. The generation fails if it throws. */
  readonly beforeEvent?: (generation: number, event: number, signal: AbortSignal | undefined) => unknown;
}

/** Converts a text to tokens for its bytes. */
export function toByteTokens(text: string): Token[] {
  return [...Buffer.from(text)].map((byte) => firstByteToken + byte);
}

export class FakeEngine implements Engine {
  readonly contextSize: number;
  readonly slots: number;
  readonly properties: ModelProperties;
  /** All requests, oldest first. */
  readonly requests: GenerationRequest[] = [];
  /** The requests for scores of branches, oldest first. */
  readonly branchRequests: BranchRequest[] = [];
  /** The number of generations that have started and not ended. Each of them keeps its slot. */
  open = 0;
  /** The largest number of generations that were open at once. */
  mostOpen = 0;
  readonly #answers: readonly FakeAnswer[];
  readonly #options: FakeEngineOptions;

  /** Each generation returns the next answer. Further generations return the last one. */
  constructor(answers: string | readonly FakeAnswer[] = ' Paris.', options: FakeEngineOptions = {}) {
    this.#answers = typeof answers === 'string' ? [answers] : answers;
    this.#options = options;
    this.contextSize = options.contextSize ?? 64;
    this.slots = options.slots ?? 1;
    this.properties = { ...fakeProperties, ...options.properties };
  }

  get load(): { running: number; waiting: number } {
    return { running: this.open, waiting: 0 };
  }

  tokenize(text: string): Token[] {
    return this.#asPrompt(this.tokenizeText(text, { special: true }));
  }

  async tokenizeAside(text: string, { special, isPrompt, breakMark }: AsideOptions): Promise<Token[]> {
    const pieces = breakMark === undefined ? [text] : text.split(breakMark);
    const tokens = pieces.flatMap((piece) => this.tokenizeText(piece, { special }));
    return isPrompt ? this.#asPrompt(tokens) : tokens;
  }

  get controlMarks(): RegExp {
    return toMarkPattern([this.properties.bosToken ?? '']);
  }

  #asPrompt(tokens: Token[]): Token[] {
    return this.properties.addsBosToken && tokens[0] !== bosToken ? [bosToken, ...tokens] : tokens;
  }

  tokenizeText(text: string, { special }: { special: boolean }): Token[] {
    const { bosToken: bos } = this.properties;
    const parts = special && bos !== undefined ? text.split(bos) : [text];
    return parts.flatMap((part, index) => {
      const tokens = [...part].map((character) => character.codePointAt(0) ?? 0);
      return index === 0 ? tokens : [bosToken, ...tokens];
    });
  }

  toInfillPrompt(before: string, after: string): Token[] | undefined {
    if (!this.#options.infills) return undefined;
    const asText = (text: string) => this.tokenizeText(text, { special: false });
    const { prefix, suffix, middle } = infillTokens;
    return [prefix, ...asText(before), suffix, ...asText(after), middle];
  }

  detokenize(tokens: readonly Token[]): string {
    return Buffer.concat(tokens.map((token) => this.toBytes(token))).toString();
  }

  toBytes(token: Token): Uint8Array {
    if (token === bosToken) return Buffer.from(this.properties.bosToken ?? '');
    if (token >= firstByteToken) return Uint8Array.of(token - firstByteToken);
    return Buffer.from(String.fromCodePoint(token));
  }

  async *generate(
    request: GenerationRequest,
    signal?: AbortSignal,
  ): AsyncGenerator<GenerationEvent, void, void> {
    const generation = this.requests.length;
    const answer = this.#answers[generation] ?? this.#answers.at(-1) ?? '';
    this.requests.push(request);
    this.open += 1;
    this.mostOpen = Math.max(this.open, this.mostOpen);
    try {
      let number = 0;
      for (const event of this.#answerTo(request, answer, generation)) {
        await this.#options.beforeEvent?.(generation, number, signal);
        signal?.throwIfAborted();
        yield event;
        number += 1;
      }
    } finally {
      this.open -= 1;
    }
  }

  async scoreBranches(request: BranchRequest, signal?: AbortSignal): Promise<BranchScores> {
    const { prompt, branches } = request;
    this.branchRequests.push(request);
    this.open += 1;
    try {
      await this.#options.beforeEvent?.(this.branchRequests.length - 1, 0, signal);
      signal?.throwIfAborted();
    } finally {
      this.open -= 1;
    }
    const { branchLogprob = (_, continuation) => -0.5 * continuation.length } = this.#options;
    const logprobs = branches.map(({ tokens, continuations }) => {
      const text = this.detokenize([...prompt, ...tokens]);
      return continuations.map((continuation) => branchLogprob(text, this.detokenize(continuation)));
    });
    return { logprobs, summary: { ...toBranchSummary(prompt), ...this.#options.summary } };
  }

  *#answerTo(
    request: GenerationRequest,
    answer: FakeAnswer,
    generation: number,
  ): Generator<GenerationEvent, void, void> {
    const { logprobs: top, prompt, maxTokens, promptLogprobs, stop, progress } = request;
    const logprob = this.#options.logprobs?.[generation] ?? this.#options.logprobs?.at(-1) ?? -0.5;
    if (promptLogprobs && top !== undefined)
      yield { type: 'prompt', scores: prompt.slice(1).map((token) => toScore(token, top, logprob)) };
    const all = typeof answer === 'string' ? this.tokenizeText(answer, { special: false }) : answer;
    const tokens = all.slice(0, maxTokens);
    const { minTokens } = request.sampling;
    const text = new GeneratedText((each) => this.detokenize(each), prompt, stop, minTokens);
    const toEvent = (piece: { text: string; tokens: readonly GeneratedToken[] }): GenerationEvent => ({
      type: 'text',
      ...piece,
      ...(progress && { progress: toSummary() }),
    });
    let completionTokens = 0;
    const toSummary = (): GenerationSummary => ({
      finishReason: text.stopped || completionTokens < maxTokens ? 'stop' : 'length',
      stopped: text.stopped,
      ...(text.stopString !== undefined && { stopString: text.stopString }),
      deadline: false,
      waitMs: 10,
      unevaluatedTokens: 0,
      cachedTokens: Math.min(3, prompt.length - 1),
      promptTokens: Math.max(1, prompt.length - 3),
      promptMs: 20,
      completionTokens,
      completionMs: 30,
      ...this.#options.summary,
    });
    for (const token of tokens) {
      completionTokens += 1;
      const piece = text.push(token, top === undefined ? undefined : toScore(token, top, logprob));
      if (piece.text !== '' || piece.tokens.length > 0) yield toEvent(piece);
      if (text.stopped) break;
    }
    const rest = text.flush();
    if (rest.text !== '' || rest.tokens.length > 0) yield toEvent(rest);
    yield { type: 'end', summary: toSummary() };
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}

function toBranchSummary(prompt: readonly Token[]): GenerationSummary {
  return {
    finishReason: 'length',
    stopped: false,
    deadline: false,
    waitMs: 10,
    cachedTokens: Math.min(3, prompt.length - 1),
    promptTokens: Math.max(1, prompt.length - 3),
    unevaluatedTokens: 0,
    promptMs: 20,
    completionTokens: 0,
    completionMs: 0,
  };
}

/** Scores a token. The token itself is the likeliest, followed by the first letters, each less likely by one. */
function toScore(token: Token, top: number, logprob: number): ScoredToken {
  const letters = Array.from({ length: 20 }, (_, index) => 0x61 + index);
  const likeliest = [token, ...letters.filter((letter) => letter !== token)].slice(0, top);
  return {
    token,
    logprob,
    top: likeliest.map((each, rank) => ({ token: each, logprob: logprob - rank })),
  };
}

/** An engine that fails unexpectedly. */
export class BrokenEngine extends FakeEngine {
  // biome-ignore lint/correctness/useYield: it fails before the first token
  override async *generate(): AsyncGenerator<GenerationEvent, void, void> {
    throw new Error('secret: /var/task is on fire');
  }
}
