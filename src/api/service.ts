// The loaded model as the endpoints use it. Made once per process.
import type { ChatTemplate } from '../chat/chat-template.ts';
import type { Embedder } from '../engine/embedder.ts';
import type { Engine } from '../engine/engine.ts';

export interface ModelService {
  readonly engine: Engine;
  /** The model's name, as in `/v1/models`. */
  readonly model: string;
  /** More names of the model, in `/v1/models`. Default: none. */
  readonly modelAliases?: readonly string[];
  /** Whether a request for a model of another name fails. Default: false, the loaded model answers. */
  readonly strictModel?: boolean;
  /** Absent for a model without a chat template. */
  readonly chatTemplate?: ChatTemplate | undefined;
  /** Absent for a model that only generates text. */
  readonly embedder?: Embedder | undefined;
  /** Whether a note replaces each image in a chat. Default false: a request with an image is rejected. */
  readonly imagePlaceholders?: boolean;
}
