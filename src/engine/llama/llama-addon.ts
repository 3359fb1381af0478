// node-llama-cpp's native module, which is llama.cpp as JavaScript sees it. The library's own classes around it cost a
// quarter of a second to load, read the whole header of a model and estimate its memory twice at each start, and hold
// every sequence of a context up while one decodes (docs/decisions/0008), so the engine works on the module itself. Of
// the engine only this file knows where it lies and what it offers; tests/model/native-library.test.ts holds both to this
// release.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { constants } from 'node:os';
import { dirname, join } from 'node:path';
import type { SamplerConfig } from './sampler-config.ts';

/** A token's number in the vocabulary; -1 where there is none. */
type AddonToken = number;

export interface AddonModel {
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
  /** Whether layers that see only a sliding window keep what it has left behind. Default: false. */
  readonly swaFullCache?: boolean;
  readonly embeddings?: boolean;
  readonly ranking?: boolean;
}

export interface AddonContext {
  initBatch(tokens: number): void;
  /** Adds tokens of one sequence and gives the batch's numbers of those whose logits are wanted. */
  addToBatch(sequence: number, position: number, tokens: Uint32Array, outputs: Uint32Array): Uint32Array;
  /** Forgets a sequence. */
  disposeSequence(sequence: number): void;
  /** Forgets what a sequence has from `start` to before `end`. False when its kind of memory cannot. */
  removeTokenCellsFromSequence(sequence: number, start: number, end: number): boolean;
  /** The first position that each layer has of a sequence; -1 where there is none. */
  getSequenceKvCacheMinPosition(sequence: number): number;
  /** The last position of a sequence; -1 where there is none. */
  getSequenceKvCacheMaxPosition(sequence: number): number;
  /** The vector of sequence 0, or at most its first `size` numbers. */
  getEmbedding(tokens: number, size?: number): Float64Array;
}

export interface LlamaAddon {
  readonly AddonModel: new (
    path: string,
    options: {
      readonly addonExports: LlamaAddon;
      readonly gpuLayers: number;
      readonly useMmap: boolean;
      /** Whether to load no more than the vocabulary. Default false. */
      readonly vocabOnly?: boolean;
      /** Key, value, and of a number whether it is whole (0) or not (1). */
      readonly overridesList?: readonly (readonly [string, number, 0 | 1])[];
    },
  ) => AddonModel;
  readonly AddonContext: new (model: AddonModel, options: AddonContextOptions) => AddonContext;
  setLogger(log: (level: number, message: string) => void): void;
  setLoggerLogLevel(level: number): void;
  loadBackends(folder?: string): void;
  getGpuType(): string | false | undefined;
  getIsArchRecurrent(architecture: string): boolean | undefined;
  getIsArchHybrid(architecture: string): boolean | undefined;
  init(): Promise<void>;
}

/**
 * The calls of one context that take time. They run one after the other, with those of all other contexts, on the inference
 * thread. While one runs, no other method of the context may be called.
 */
export interface Inference {
  /** How many threads the last decode took. */
  readonly threads: number;
  /**
   * Begins (true) or ends (false) a text that wants the rounding of all threads, whatever else runs. Calls add up.
   */
  fixThreads(isFixed: boolean): void;
  /** Evaluates the context's batch. Rejects when it fails. */
  decode(): Promise<void>;
  /**
   * Chooses a token after one of the batch, and tells the sampler. Rejects when that one has no logits, and with the code
   * {@link grammarErrorCode} when the grammar takes too much work.
   */
  sample(output: number, sampler: NativeSampler): Promise<AddonToken>;
  /** Scores a token after one of the batch, before any sampling option. `top`: how many of the likeliest to score as well. */
  score(output: number, token: AddonToken, top: number): Promise<AddonScore>;
  /** The log-probabilities of tokens after one of the batch. Rejects when that one has no logits. */
  scoreTokens(output: number, tokens: Int32Array): Promise<Float64Array>;
  /**
   * Evaluates a tree of tokens behind a sequence in one batch of its own, and forgets them. It takes a context whose sequences
   * share their cells.
   *
   * @param parents - the place of the token before each, which comes first; -1 is the end of the sequence
   * @param wantedParents - by wanted token, the place of the token before it
   * @returns the log-probabilities of the wanted tokens
   */
  scoreTree(
    sequence: number,
    tokens: Int32Array,
    parents: Int32Array,
    wantedParents: Int32Array,
    wantedTokens: Int32Array,
  ): Promise<Float64Array>;
  saveSequence(path: string, sequence: number, tokens: Uint32Array): Promise<void>;
  /** Gives the tokens that were saved. Rejects when there are more than `longest`, and leaves the sequence empty. */
  loadSequence(path: string, sequence: number, longest: number): Promise<Uint32Array>;
  /**
   * Copies the state of a sequence, in llama.cpp's own layout.
   *
   * @param first - the position of the first token: 0, or more in a context whose sequences share their cells
   */
  readSequence(sequence: number, first: number): Promise<Uint8Array<ArrayBuffer>>;
  /**
   * Replaces what a sequence holds by states that were read, each of the tokens behind the end of the one before: more than one takes
   * a context whose sequences share their cells. Rejects when one does not fit; what the sequence holds is then unknown.
   *
   * @param ends - by state, the position behind its last token that is wanted
   */
  writeSequence(sequence: number, states: readonly Uint8Array[], ends: Int32Array): Promise<void>;
  /** Frees the context after the calls made before. Those made later reject. */
  dispose(): Promise<void>;
}

/** Natural logarithms of probabilities. */
interface AddonScore {
  readonly logprob: number;
  /** The likeliest first. */
  readonly topTokens: Uint32Array;
  readonly topLogprobs: Float64Array;
}

/** The texts of a model's tokens, sorted when a grammar first needs them. */
export type NativeTokenPieces = object & { readonly __nativeTokenPieces: never };

/** A grammar in GBNF. */
export interface NativeGrammar {
  /**
   * Parses it on a thread beside JavaScript's and the inference thread. A sampler takes it once it is parsed. Rejects with the
   * code {@link grammarErrorCode} when it is malformed or exceeds a limit.
   */
  parse(): Promise<void>;
}

/** The `code` of an error whose cause is the grammar of the text. Its message quotes nothing but names of rules. */
export const grammarErrorCode = 'ERR_GRAMMAR';

/** The code of the error of a sampler whose grammar does not admit its prefix. */
export const grammarPrefixErrorCode = 'ERR_GRAMMAR_PREFIX';

/** The chain of samplers of one text. It remembers the tokens that it chooses. */
export interface NativeSampler {
  /** Calls made before end as if it were not disposed of; those made later throw. */
  dispose(): void;
}

/** Steps of one sequence, each of which evaluates the token that the last one has chosen, and chooses the next. */
export interface AddonTokenLoop {
  /**
   * Takes a step as soon as those asked for before have ended; after a token that ends a text, or a step that failed, none is
   * taken. Rejects as {@link Inference.sample}. Resolves in the order of the calls, with the token that was chosen, or -1 when
   * the step was not taken.
   */
  step(): Promise<AddonToken>;
  /** Cancels the steps that have not started. */
  stop(): void;
}

interface InferenceThreads {
  /** How many decode, the inference thread included. They stay until the context is disposed of. */
  readonly threads: number;
  /** Whether fewer decode while other processes want the processors. Default: false. */
  readonly adapts?: boolean;
}

/** This project's own module, `native/inference`, which works on the objects of the other. */
export interface InferenceModule {
  readonly Inference: new (context: AddonContext, threads: InferenceThreads) => Inference;
  readonly Sampler: new (model: AddonModel, config: SamplerConfig, grammar?: NativeGrammar) => NativeSampler;
  readonly Grammar: new (pieces: NativeTokenPieces, gbnf: string) => NativeGrammar;
  /** The model is loaded. */
  readonly TokenPieces: new (
    model: AddonModel,
  ) => NativeTokenPieces;
  /** `token` is the first to evaluate, and `position` where it stands in the sequence. */
  readonly TokenLoop: new (
    inference: Inference,
    sampler: NativeSampler,
    sequence: number,
    position: number,
    token: AddonToken,
  ) => AddonTokenLoop;
  /**
   * As {@link AddonModel.tokenize}, on a thread beside JavaScript's and the inference thread. The text is tokenized piece by piece
   * between the marks, unless the mark is empty.
   */
  tokenize(
    pieces: NativeTokenPieces,
    text: string,
    special: boolean,
    breakMark: string,
  ): Promise<Uint32Array>;
  /** The texts of the control tokens, such as `<|im_end|>`. */
  listControlTokens(pieces: NativeTokenPieces): string[];
  /**
   * Loads the first of these libraries that the processor can run.
   *
   * @returns false when there is none
   */
  loadProcessorLibrary(paths: readonly string[]): boolean;
  /** Loads a model's file, on a thread of its own. Resolves with false when llama.cpp does not take it. */
  loadModel(model: AddonModel): Promise<boolean>;
  /** Creates the context of a loaded model, on the same thread. Resolves with false when llama.cpp cannot. */
  createContext(context: AddonContext): Promise<boolean>;
  /** Whether llama.cpp repacks weights in the layout that suits the processor. Call it before the model is loaded. */
  setRepack(model: AddonModel, repack: boolean): void;
  /** Has the sequences of a context share one pool of cells, up to 256 sequences. Call it before the context is created. */
  shareCells(context: AddonContext): void;
  /** The features that llama.cpp's library for this processor was compiled with, by ggml's names, such as `AVX2`. */
  listProcessorFeatures(): readonly string[];
}

/** The module of native/matrices. */
export interface MatricesModule {
  /** How many products it has computed. */
  countProducts(): number;
}

export interface OpenedAddon {
  readonly addon: LlamaAddon;
  readonly inference: InferenceModule;
  /** Which one it is, such as `node-llama-cpp 3.22.1`. */
  readonly release: string;
}

/**
 * The processors that llama.cpp has libraries for, by the score of each library: `amx` is the one that a checkout or an image
 * compiles (`COMPILE_AMX`). llama.cpp itself opens all of them to find the
 * best one, which takes half a millisecond each. An image has some of them.
 */
export const processorLibraries: readonly string[] = [
  ...[
    'amx',
    'sapphirerapids',
    'zen4',
    'cooperlake',
    'icelake',
    'cascadelake',
    'cannonlake',
    'skylakex',
    'alderlake',
  ],
  ...['haswell', 'piledriver', 'ivybridge', 'sandybridge', 'sse42', 'x64'],
  ...['armv9.2_2', 'armv9.2_1', 'armv8.6_2', 'armv8.6_1', 'armv8.2_3', 'armv8.2_2', 'armv8.2_1', 'armv8.0_1'],
];

/** The module's number for errors; what is worse has a lower one. */
const errorLevel = 2;

let opened: OpenedAddon | undefined;

/**
 * Opens the module that node-llama-cpp's companion package for this machine holds, and this project's own beside it, once in
 * a process. They stay open until the process ends. Without a pause: whatever waits for its turn at a cold start waits for
 * all the JavaScript that loads meanwhile.
 *
 * @throws {Error} when one of them is missing, or this machine cannot run it
 */
export function openLlamaAddon(): OpenedAddon {
  opened ??= open();
  return opened;
}

/** Where node-llama-cpp's companion package for this machine holds the module and its libraries. */
export function prebuiltFolder(): string {
  const platform = `${process.platform}-${process.arch}`;
  const main = createRequire(import.meta.url).resolve(`@node-llama-cpp/${platform}`);
  return join(dirname(dirname(main)), 'bins', platform);
}

function open(): OpenedAddon {
  const folder = prebuiltFolder();
  const { version } = JSON.parse(readFileSync(join(folder, '../../package.json'), 'utf8')) as {
    version: string;
  };
  const addon = openModule<LlamaAddon>(join(folder, 'llama-addon.node'));
  // Once only: the module forgets its logger when it lets go of an earlier one, and then writes to standard output.
  addon.setLogger((_level, message) => process.stderr.write(`llama.cpp error: ${message.trimEnd()}\n`));
  addon.setLoggerLogLevel(errorLevel);
  const inference = openModule<InferenceModule>(join(folder, 'inference.node'));
  openMatrices(folder);
  addon.loadBackends();
  // The one that suits this processor best lies beside it, in a library of its own.
  if (addon.getGpuType() === undefined)
    inference.loadProcessorLibrary(processorLibraries.map((name) => join(folder, `libggml-cpu-${name}.so`)));
  if (addon.getGpuType() === undefined) addon.loadBackends(folder);
  if (addon.getGpuType() === undefined) throw new Error(`${folder} has no backend for this processor.`);
  // Not awaited: it makes tables that a model's load makes as well where they are missing, and a pause here would last until
  // all the JavaScript of a cold start is loaded.
  void addon.init();
  return { addon, inference, release: `node-llama-cpp ${version}` };
}

/**
 * Opens this project's products of matrices, which llama.cpp's libraries for x86 processors call when they are loaded later
 * (native/matrices/sgemm.h). There are none for other processors.
 */
export function openMatrices(folder: string): MatricesModule | undefined {
  if (process.arch !== 'x64') return;
  return openModule<MatricesModule>(
    join(folder, 'matrices.node'),
    constants.dlopen.RTLD_NOW | constants.dlopen.RTLD_GLOBAL,
  );
}

/**
 * Opens a native module by its path.
 *
 * @param flags - how it is opened, by the constants of node:os. Default: its names are those of no other module.
 * @throws {Error} when there is none, or this machine cannot run it
 */
export function openModule<Exports>(path: string, flags: number = constants.dlopen.RTLD_NOW): Exports {
  const module: { exports: unknown } = { exports: {} };
  try {
    process.dlopen(module, path, flags);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new Error(`${path} cannot be opened (${reason}); 'npm start' installs and compiles it`, { cause });
  }
  return module.exports as Exports;
}
