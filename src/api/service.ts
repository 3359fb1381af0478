// The loaded model as the endpoints use it. Made once per process.
import type { ChatTemplate } from '../chat/chat-template.ts';
import type { Embedder } from '../engine/embedder.ts';
import type { Engine } from '../engine/engine.ts';
import type { ResponseArchive } from './response-archive.ts';
import type { SamplingDefaults } from './sampling.ts';

/** Facts of the model's file. */
export interface ModelFile {
  /** Lower-case hexadecimal SHA-256. */
  readonly sha256: string;
  /** All parts of the model together. */
  readonly bytes: number;
  /** llama.cpp's name of the architecture, such as `llama`. */
  readonly architecture: string;
  /** The number of weights. */
  readonly parameters: number;
  /** In llama.cpp's terms, such as `Q4_K_M`. */
  readonly quantisation: string;
  /** An SPDX identifier, or the licence's name where SPDX has none. */
  readonly licence: string;
}

export interface ModelService {
  readonly engine: Engine;
  /** The model's name, as in `/v1/models`. */
  readonly model: string;
  /** Default: unknown. */
  readonly file?: ModelFile | undefined;
  /** The sampling of requests that leave its fields out. Default: OpenAI's. */
  readonly samplingDefaults?: SamplingDefaults | undefined;
  /** More names of the model, in `/v1/models`. Default: none. */
  readonly modelAliases?: readonly string[];
  /** Whether a request for a model of another name fails. Default: false, the loaded model answers. */
  readonly strictModel?: boolean;
  /** Absent for a model without a chat template. */
  readonly chatTemplate?: ChatTemplate | undefined;
  /** Absent for a model that only generates text. */
  readonly embedder?: Embedder | undefined;
  /** Whether a prompt reuses only what was cached for the same caller. Default false. */
  readonly separatesCaches?: boolean;
  /** Opens the archive of responses, at the first request that needs it. Absent: no response is stored. */
  readonly openResponseArchive?: (() => Promise<ResponseArchive>) | undefined;
  /** Whether a note replaces each image in a chat. Default false: a request with an image is rejected. */
  readonly imagePlaceholders?: boolean;
}
