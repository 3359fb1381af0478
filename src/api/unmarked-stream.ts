// A stream of chunks whose end has no mark.

/** Chunks that are sent without the `[DONE]` of OpenAI's streams, which llama-server's own streams do not have. */
export class UnmarkedStream {
  readonly chunks: AsyncGenerator<object, void, void>;

  constructor(chunks: AsyncGenerator<object, void, void>) {
    this.chunks = chunks;
  }
}
