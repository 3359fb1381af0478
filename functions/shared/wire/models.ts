// The answer of GET /v1/models.

export interface ModelList {
  readonly object: 'list';
  readonly data: readonly {
    readonly id: string;
    readonly object: 'model';
    /** Seconds since 1970 in OpenAI's API; a baked model's date says nothing, so it is 0. */
    readonly created: number;
    readonly owned_by: string;
  }[];
}

/** The one model that is loaded. */
export function toModelList(model: string): ModelList {
  return { object: 'list', data: [{ id: model, object: 'model', created: 0, owned_by: 'gguf-lambda' }] };
}
