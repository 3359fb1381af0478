// Descriptions of the loaded model, in the formats of OpenAI, llama-server and vLLM.
import type { ChatTemplate } from '../../chat/chat-template.ts';
import type { Engine, ModelProperties } from '../../engine/engine.ts';
import { RequestError } from '../../errors/request-error.ts';

export interface Model {
  readonly id: string;
  readonly object: 'model';
  /** Seconds since 1970 in OpenAI's API. Always 0, because a GGUF has no date. */
  readonly created: number;
  readonly owned_by: string;
  /** The same fields as in llama-server. */
  readonly meta: {
    readonly n_ctx: number;
    readonly n_ctx_train: number;
    readonly n_vocab: number;
    readonly n_embd: number;
    /** In bytes. */
    readonly size: number;
    readonly description: string;
  };
}

export interface LoadedModel {
  readonly name: string;
  /** More names of the model. */
  readonly aliases: readonly string[];
  readonly contextSize: number;
  readonly properties: ModelProperties;
}

function toModel({ contextSize, properties }: LoadedModel, id: string): Model {
  return {
    id,
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

/** Lists the loaded model under each of its names. */
export function toModelList(model: LoadedModel): { object: 'list'; data: readonly Model[] } {
  return { object: 'list', data: [model.name, ...model.aliases].map((id) => toModel(model, id)) };
}

/**
 * Describes a model.
 *
 * @throws {RequestError} `model_not_found` when the id is not a name of the loaded model
 */
export function findModel(id: string, model: LoadedModel): Model {
  if (id === model.name || model.aliases.includes(id)) return toModel(model, id);
  throw new RequestError('model_not_found', `Unknown model. This server has only '${model.name}'.`, {
    param: 'model',
  });
}

/** The memory that the model needs and the memory there is, in bytes. */
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

/** What the template can do, by llama-server's names. */
function toTemplateCapabilities(template: ChatTemplate): object {
  const { abilities } = template;
  return {
    supports_tools: abilities.writesTools,
    supports_tool_calls: abilities.calls,
    supports_parallel_tool_calls: abilities.parallelCalls,
    supports_system_role: abilities.systemRole,
    supports_thinking: abilities.thoughts !== undefined,
    supports_enable_thinking: abilities.canSwitchThinking,
    supports_reasoning_effort: abilities.reasoningEffort,
  };
}

/** Describes the server in the format of llama-server's GET /props, with the memory beside it. */
export function toProps(
  { name, contextSize, properties }: LoadedModel,
  engine: Pick<Engine, 'slots' | 'prefixes' | 'detokenize'>,
  template: ChatTemplate | undefined,
): object {
  return {
    default_generation_settings: { n_ctx: contextSize },
    total_slots: engine.slots,
    model_alias: name,
    chat_template: template?.source ?? '',
    ...(template?.isValid && { chat_template_caps: toTemplateCapabilities(template) }),
    bos_token: properties.bosToken ?? '',
    eos_token: properties.eosToken ?? '',
    modalities: { vision: false, audio: false },
    kv_type: properties.kvType,
    memory: properties.memory === undefined ? null : toMemory(properties.memory),
    prefixes: (engine.prefixes ?? []).map(({ name: prefix, tokens }) => ({
      name: prefix,
      tokens: tokens.length,
      text: engine.detokenize(tokens),
    })),
  };
}

/** Describes the slots in the format of llama-server's GET /slots, without the prompts of others. */
export function toSlots({ slots, contextSize, load }: Engine): readonly object[] {
  return Array.from({ length: slots }, (_, id) => ({
    id,
    n_ctx: contextSize,
    speculative: false,
    // The engine says how many slots work, not which ones.
    is_processing: id < load.running,
  }));
}

/** Describes the vocabulary in the format of vLLM's GET /tokenizer_info. lm-eval reads it. */
export function toTokenizerInfo(
  { contextSize, properties }: LoadedModel,
  template: ChatTemplate | undefined,
): object {
  return {
    bos_token: properties.bosToken ?? null,
    eos_token: properties.eosToken ?? null,
    pad_token: null,
    add_bos_token: properties.addsBosToken,
    chat_template: template?.source ?? null,
    model_max_length: contextSize,
  };
}
