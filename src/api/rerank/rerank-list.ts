// The answer of POST /v1/rerank, in the format of Jina's API and llama-server, with Cohere's `id`.
import { type InputUsage, toInputUsage } from '../embeddings/embedding-list.ts';

interface RerankResult {
  /** The document's index in the request. */
  readonly index: number;
  /** From 0 to 1. */
  readonly relevance_score: number;
  /** Present if the request set `return_documents`. */
  readonly document?: { readonly text: string };
}

export interface RerankList {
  readonly id: string;
  readonly object: 'list';
  readonly model: string;
  /** Sorted by relevance, most relevant first. */
  readonly results: readonly RerankResult[];
  readonly usage: InputUsage;
}

export interface RerankAnswer {
  readonly requestId: string;
  readonly model: string;
  readonly tokens: number;
  readonly documents: readonly string[];
  /** In the order of the documents. */
  readonly scores: readonly number[];
  /** The number of results to return. `undefined` returns all. */
  readonly topN: number | undefined;
  readonly returnDocuments: boolean;
}

/** Sorts the documents by their scores. Documents with equal scores stay in the order of the request. */
export function toRerankList(answer: RerankAnswer): RerankList {
  const { requestId, model, tokens, documents, scores, topN, returnDocuments } = answer;
  const results = scores
    .map((score, index) => ({ index, relevance_score: score }))
    .sort((left, right) => right.relevance_score - left.relevance_score)
    .slice(0, topN)
    .map((result) => {
      const text = documents[result.index];
      return returnDocuments && text !== undefined ? { ...result, document: { text } } : result;
    });
  return { id: `rerank-${requestId}`, object: 'list', model, results, usage: toInputUsage(tokens) };
}
