// The loaded model, as every API uses it: made once per process.
import type { ChatTemplate } from '../chat/chat-template.ts';
import type { Embedder } from '../engine/embedder.ts';
import type { Engine } from '../engine/engine.ts';

export interface ModelService {
  readonly engine: Engine;
  /** The model's name, as `/v1/models` lists it. */
  readonly model: string;
  /** Absent for a model without a chat template. */
  readonly chatTemplate?: ChatTemplate | undefined;
  /** Absent for a model that only generates. */
  readonly embedder?: Embedder | undefined;
  /** Whether an image in a chat becomes a note that it was left out. Default false: it is refused. */
  readonly imagePlaceholders?: boolean;
}
