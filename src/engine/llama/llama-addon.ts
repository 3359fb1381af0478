// node-llama-cpp's native module, which is llama.cpp as JavaScript sees it. The library's own classes around it cost a
// quarter of a second to load, read the whole header of a model and estimate its memory twice at each start, and hold
// every sequence of a context up while one decodes (docs/decisions/0008), so the engine works on the module itself. Of
// the engine only this file knows where it lies and what it offers; tests/model/native-library.test.ts holds both to this
// release.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

/** A token's number in the vocabulary; -1 where there is none. */
type AddonToken = number;

export interface AddonModel {
  /** Resolves with false when llama.cpp does not take the file. */
  init(): Promise<boolean>;
  dispose(): Promise<void>;
  /** Never adds special tokens; `special` tells whether those written in the text become such. */
  tokenize(text: string, special: boolean): Uint32Array;
  detokenize(tokens: Uint32Array, special: boolean): string;
  tokenBos(): AddonToken;
  tokenEos(): AddonToken;
  eotToken(): AddonToken;
  sepToken(): AddonToken;
  prefixToken(): AddonToken;
  middleToken(): AddonToken;
  suffixToken(): AddonToken;
  /** How the vocabulary writes a token. One outside it ends the process. */
  getTokenString(token: AddonToken): string;
  isEogToken(token: AddonToken): boolean;
  /** llama.cpp's `enum llama_vocab_type`. */
  getVocabularyType(): number;
  shouldPrependBosToken(): boolean;
  shouldAppendEosToken(): boolean;
  getTrainContextSize(): number;
  getEmbeddingVectorSize(): number;
  getModelDescription(): string;
  /** Bytes of the weights. */
  getModelSize(): number;
}

interface AddonContextOptions {
  /** Tokens that all sequences hold together. */
  readonly contextSize: number;
  /** The most tokens of one decode. */
  readonly batchSize: number;
  readonly sequences: number;
  readonly threads: number;
  readonly flashAttention: boolean;
  /** Numbers of ggml's types. Default: F16. */
  readonly kvCacheKeyType?: number;
  readonly kvCacheValueType?: number;
  /** Whether a sliding-window model keeps what its window has left behind. */
  readonly swaFullCache: boolean;
  readonly embeddings?: boolean;
  readonly ranking?: boolean;
}

/** Of a filter: tokens, whether the highest, the lowest and the selected one, and how many of the likeliest. */
type LogitsFilter = [
  tokens: readonly AddonToken[],
  highest: boolean,
  lowest: boolean,
  selected: boolean,
  top: number,
];

/** The selected token, two things not asked for, tokens and logits in turn, and the weight of all over the highest. */
type FilteredLogits = [
  token: AddonToken,
  probabilities: undefined,
  confidence: undefined,
  logits: readonly number[],
  totalLogitWeight: number,
];

export interface AddonContext {
  init(): Promise<boolean>;
  dispose(): Promise<void>;
  initBatch(tokens: number): void;
  /** Adds tokens of one sequence and gives the batch's numbers of those whose logits are wanted. */
  addToBatch(sequence: number, position: number, tokens: Uint32Array, outputs: Uint32Array): Uint32Array;
  /** Rejects when it fails. Nothing else of the context may be called meanwhile. */
  decodeBatch(): Promise<void>;
  /** Chooses a token after one of the batch, and tells the sampler. -1 when that one has no logits. */
  sampleToken(output: number, sampler: AddonSampler): Promise<AddonToken>;
  sampleToken(
    output: number,
    sampler: AddonSampler,
    probabilities: false,
    confidence: false,
    logits: LogitsFilter,
    totalLogitWeight: true,
  ): Promise<FilteredLogits>;
  /** Forgets a sequence. */
  disposeSequence(sequence: number): void;
  /** Forgets what a sequence has from `start` to before `end`. False when its kind of memory cannot. */
  removeTokenCellsFromSequence(sequence: number, start: number, end: number): boolean;
  /** The vector of sequence 0, or at most its first `size` numbers. */
  getEmbedding(tokens: number, size?: number): Float64Array;
  saveSequenceStateToFile(path: string, sequence: number, tokens: Uint32Array): Promise<number>;
  /** Gives the tokens that were saved. Rejects when the file does not fit, and leaves the sequence empty. */
  loadSequenceStateFromFile(path: string, sequence: number, contextSize: number): Promise<Uint32Array>;
}

/** Absent is off; `undefined` is taken for a value. */
export interface AddonSamplerConfig {
  temperature: number;
  topP: number;
  minP: number;
  seed: number;
  topK?: number;
  xtcProbability?: number;
  xtcThreshold?: number;
  repeatPenalty?: number;
  repeatPenaltyMaxTokens?: number;
  repeatPenaltyTokens?: Uint32Array;
  dryRepeatPenaltyStrength?: number;
  dryRepeatPenaltyBase?: number;
  dryRepeatPenaltyAllowedLength?: number;
  dryRepeatPenaltyLastTokens?: number;
  dryRepeatPenaltySequenceBreakers?: readonly string[];
  grammarEvaluationState?: AddonGrammarState;
  tokenBiasKeys?: Uint32Array;
  tokenBiasValues?: Float32Array;
}

export interface AddonSampler {
  applyConfig(config: AddonSamplerConfig): void;
  dispose(): void;
}

export type AddonGrammar = object & { readonly __addonGrammar: never };
export type AddonGrammarState = object & { readonly __addonGrammarState: never };

export interface LlamaAddon {
  readonly AddonModel: new (
    path: string,
    options: {
      readonly addonExports: LlamaAddon;
      readonly gpuLayers: number;
      readonly useMmap: boolean;
      /** Key, value, and of a number whether it is whole (0) or not (1). */
      readonly overridesList?: readonly (readonly [string, number, 0 | 1])[];
    },
  ) => AddonModel;
  readonly AddonContext: new (model: AddonModel, options: AddonContextOptions) => AddonContext;
  readonly AddonSampler: new (model: AddonModel) => AddonSampler;
  /** Throws when llama.cpp does not take it. */
  readonly AddonGrammar: new (
    gbnf: string,
    options: { readonly addonExports: LlamaAddon; readonly rootRuleName: string },
  ) => AddonGrammar;
  readonly AddonGrammarEvaluationState: new (model: AddonModel, grammar: AddonGrammar) => AddonGrammarState;
  setLogger(log: (level: number, message: string) => void): void;
  setLoggerLogLevel(level: number): void;
  loadBackends(folder?: string): void;
  getGpuType(): string | false | undefined;
  getIsArchRecurrent(architecture: string): boolean | undefined;
  getIsArchHybrid(architecture: string): boolean | undefined;
  init(): Promise<void>;
}

/** Steps of one sequence, each of which evaluates the token that the last one has chosen, and chooses the next. */
export interface AddonTokenLoop {
  /**
   * Takes a step as soon as those asked for before have ended; after a token that ends a text, or a step that failed, none
   * is taken. Resolves in the order of the calls, with the token that was chosen, or -1 when the step was not taken.
   */
  step(): Promise<AddonToken>;
  /** Has the steps that have not begun not be taken. */
  stop(): void;
}

/** This project's own module, `native/token-loop.cpp`, which works on the objects of the other. */
export interface TokenLoopAddon {
  /** `token` is the first to evaluate, and `position` where it stands in the sequence. */
  readonly TokenLoop: new (
    context: AddonContext,
    sampler: AddonSampler,
    sequence: number,
    position: number,
    token: AddonToken,
  ) => AddonTokenLoop;
  /** Threads that stay, in the place of those that llama.cpp makes for each decode. */
  readonly Threads: new (
    context: AddonContext,
    count: number,
  ) => AddonThreads;
}

export interface AddonThreads {
  /** Only after the context is disposed of. */
  dispose(): void;
}

export interface OpenedAddon {
  readonly addon: LlamaAddon;
  /** Which one it is, such as `node-llama-cpp 3.22.1`. */
  readonly release: string;
  /** Beside the prebuilt module only: it is compiled for no other. */
  readonly tokenLoop?: TokenLoopAddon | undefined;
}

/** The module's number for errors; what is worse has a lower one. */
const errorLevel = 2;

let opened: Promise<OpenedAddon> | undefined;

/**
 * Opens the module, once in a process. It stays open until the process ends.
 *
 * @throws {Error} when this machine has none that it can run
 */
export function openLlamaAddon(): Promise<OpenedAddon> {
  opened ??= open().catch((error: unknown) => {
    opened = undefined;
    throw error;
  });
  return opened;
}

async function open(): Promise<OpenedAddon> {
  const opened = await openAny();
  // Not awaited: it makes tables that a model's load makes as well where they are missing, and a pause here would last until
  // all the JavaScript of a cold start is loaded.
  void opened.addon.init();
  return opened;
}

function log(message: string): void {
  process.stderr.write(`llama.cpp error: ${message.trimEnd()}\n`);
}

async function openAny(): Promise<OpenedAddon> {
  try {
    return openPrebuilt();
  } catch (reason) {
    process.stderr.write(`llama.cpp: the prebuilt module cannot be opened: ${reason}\n`);
    return openByLibrary().catch((cause: unknown) => {
      throw new Error(`its module for this machine cannot be opened (${reason})`, { cause });
    });
  }
}

/** Where node-llama-cpp's companion package for this machine holds the module and its libraries. */
export function prebuiltFolder(): string {
  const platform = `${process.platform}-${process.arch}`;
  const main = createRequire(import.meta.url).resolve(`@node-llama-cpp/${platform}`);
  return join(dirname(dirname(main)), 'bins', platform);
}

/**
 * The module that node-llama-cpp's companion package for this machine holds. Without a pause: whatever waits for
 * its turn at a cold start waits for all the JavaScript that loads meanwhile.
 */
export function openPrebuilt(): OpenedAddon {
  const folder = prebuiltFolder();
  const { version } = JSON.parse(readFileSync(join(folder, '../../package.json'), 'utf8')) as {
    version: string;
  };
  const addon = openModule<LlamaAddon>(join(folder, 'llama-addon.node'));
  // Once only: the module forgets its logger when it lets go of an earlier one, and then writes to standard output.
  addon.setLogger((_level, message) => log(message));
  addon.setLoggerLogLevel(errorLevel);
  addon.loadBackends();
  // The one that suits this processor best lies beside it, in a library of its own.
  if (addon.getGpuType() === undefined) addon.loadBackends(folder);
  if (addon.getGpuType() === undefined) throw new Error(`${folder} has no backend for this processor.`);
  return { addon, release: `node-llama-cpp ${version}`, tokenLoop: openTokenLoop(folder) };
}

/** Without it each token takes the way through JavaScript, and is chosen no differently. */
function openTokenLoop(folder: string): TokenLoopAddon | undefined {
  try {
    return openModule<TokenLoopAddon>(join(folder, 'token-loop.node'));
  } catch (reason) {
    process.stderr.write(
      `llama.cpp: tokens are slower without the token loop, which cannot be opened (npm start compiles it): ${reason}\n`,
    );
    return undefined;
  }
}

/** Opens a native module by its path. */
export function openModule<Exports>(path: string): Exports {
  const module: { exports: unknown } = { exports: {} };
  process.dlopen(module, path);
  return module.exports as Exports;
}

/** The library's own way, by all that it can try: what another tool has built or laid out, in another place. */
export async function openByLibrary(): Promise<OpenedAddon> {
  const { getLlama, LlamaLogLevel } = await import('node-llama-cpp');
  const llama = await getLlama({
    gpu: false,
    build: 'never',
    skipDownload: true,
    progressLogs: false,
    logLevel: LlamaLogLevel.error,
    logger: (_level, message) => log(message),
  });
  const { _bindings: addon } = llama as unknown as { readonly _bindings: LlamaAddon };
  return { addon, release: `llama.cpp ${llama.llamaCppRelease.release}` };
}
