// What is told of the loaded model: OpenAI's list, and the descriptions that llama-server and vLLM give.
import type { ModelProperties } from '../../engine/engine.ts';
import { RequestError } from '../../errors/request-error.ts';

export interface Model {
  readonly id: string;
  readonly object: 'model';
  /** Seconds since 1970 in OpenAI's API; a baked model's date says nothing, so it is 0. */
  readonly created: number;
  readonly owned_by: string;
  /** As in llama-server. */
  readonly meta: {
    readonly n_ctx: number;
    readonly n_ctx_train: number;
    readonly n_vocab: number;
    readonly n_embd: number;
    /** Bytes. */
    readonly size: number;
    readonly description: string;
  };
}

export interface LoadedModel {
  readonly name: string;
  readonly contextSize: number;
  readonly properties: ModelProperties;
}

function toModel({ name, contextSize, properties }: LoadedModel): Model {
  return {
    id: name,
    object: 'model',
    created: 0,
    owned_by: 'gguf-lambda',
    meta: {
      n_ctx: contextSize,
      n_ctx_train: properties.trainContextSize,
      n_vocab: properties.vocabularySize,
      n_embd: properties.embeddingSize,
      size: properties.size,
      description: properties.description,
    },
  };
}

/** The one model that is loaded. */
export function toModelList(model: LoadedModel): { object: 'list'; data: readonly Model[] } {
  return { object: 'list', data: [toModel(model)] };
}

/** @throws {RequestError} `model_not_found` for any other than the one that is loaded */
export function findModel(id: string, model: LoadedModel): Model {
  if (id === model.name) return toModel(model);
  throw new RequestError('model_not_found', `There is no such model; this server has '${model.name}'.`, {
    param: 'model',
  });
}

/** Bytes. */
function toMemory({ use, room }: NonNullable<ModelProperties['memory']>): object {
  return {
    weights_mapped: use.weightsMapped,
    weights_repacked: use.weightsRepacked,
    context: use.keysAndValues,
    evaluation: use.evaluation,
    program: use.program,
    total: use.total,
    available: room.bytes,
    limit: room.limit,
  };
}

/** As llama-server's GET /props, with what the context and the model take of the memory. */
export function toProps({ name, contextSize, properties }: LoadedModel, slots: number): object {
  return {
    default_generation_settings: { n_ctx: contextSize },
    total_slots: slots,
    model_alias: name,
    chat_template: properties.chatTemplate ?? '',
    bos_token: properties.bosToken ?? '',
    eos_token: properties.eosToken ?? '',
    modalities: { vision: false, audio: false },
    kv_type: properties.kvType,
    memory: properties.memory === undefined ? null : toMemory(properties.memory),
  };
}

/** As vLLM's GET /tokenizer_info, which lm-eval reads. */
export function toTokenizerInfo({ contextSize, properties }: LoadedModel): object {
  return {
    bos_token: properties.bosToken ?? null,
    eos_token: properties.eosToken ?? null,
    pad_token: null,
    add_bos_token: properties.addsBosToken,
    chat_template: properties.chatTemplate ?? null,
    model_max_length: contextSize,
  };
}
