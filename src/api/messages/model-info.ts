// Descriptions of the loaded model in Anthropic's format. https://platform.claude.com/docs/en/api/models/list
import { findModel, type LoadedModel, type Model, toModelList } from '../models/models.ts';

interface ModelInfo {
  readonly type: 'model';
  readonly id: string;
  readonly display_name: string;
  /** The start of 1970 where the date is unknown, as in Anthropic's API. */
  readonly created_at: '1970-01-01T00:00:00Z';
  readonly deprecated_at: null;
  readonly retires_at: null;
  readonly lifecycle: 'active';
  readonly line: null;
  readonly capabilities: null;
  /** Both are the size of the context, which the prompt and its answer share. */
  readonly max_input_tokens: number;
  readonly max_tokens: number;
}

/** Lists the loaded model under each of its names, on one page. */
export function toModelInfoList(model: LoadedModel): object {
  const data = toModelList(model).data.map(toModelInfo);
  return { data, has_more: false, first_id: data[0]?.id ?? null, last_id: data.at(-1)?.id ?? null };
}

/**
 * Describes a model.
 *
 * @throws {RequestError} `model_not_found` when the id is not a name of the loaded model
 */
export function findModelInfo(id: string, model: LoadedModel): ModelInfo {
  return toModelInfo(findModel(id, model));
}

function toModelInfo({ id, meta }: Model): ModelInfo {
  return {
    type: 'model',
    id,
    display_name: id,
    created_at: '1970-01-01T00:00:00Z',
    deprecated_at: null,
    retires_at: null,
    lifecycle: 'active',
    line: null,
    capabilities: null,
    max_input_tokens: meta.n_ctx,
    max_tokens: meta.n_ctx,
  };
}
