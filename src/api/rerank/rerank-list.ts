// The answer of POST /v1/rerank, as Jina's API and llama-server have it, with Cohere's `id`.
import { type InputUsage, toInputUsage } from '../embeddings/embedding-list.ts';

interface RerankResult {
  /** The document's place in the request. */
  readonly index: number;
  /** From 0 to 1. */
  readonly relevance_score: number;
  /** Where documents were asked for. */
  readonly document?: { readonly text: string };
}

export interface RerankList {
  readonly id: string;
  readonly object: 'list';
  readonly model: string;
  /** The most relevant first. */
  readonly results: readonly RerankResult[];
  readonly usage: InputUsage;
}

export interface RerankAnswer {
  readonly requestId: string;
  readonly model: string;
  readonly tokens: number;
  readonly documents: readonly string[];
  /** In the documents' order. */
  readonly scores: readonly number[];
  /** How many results are given; undefined for all. */
  readonly topN: number | undefined;
  readonly returnDocuments: boolean;
}

/** Sorts the documents by their scores; equal ones stay in the request's order. */
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
