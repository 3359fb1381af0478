// POST /v1/rerank, from a parsed JSON body to the answer.

import { type EmbeddingService, findEmbedder, orRefused } from '../embeddings/embeddings.ts';
import { assertMayFit, assertModel } from '../generation-request.ts';
import type { Invocation } from '../service.ts';
import { type RerankList, toRerankList } from './rerank-list.ts';
import { parseRerankRequest, toTexts } from './rerank-request.ts';

/**
 * Answers a rerank request.
 *
 * @throws {RequestError} when the request is wrong or does not fit the model, or the model cannot rank
 */
export async function rerank(
  body: unknown,
  service: EmbeddingService,
  invocation: Pick<Invocation, 'requestId' | 'signal' | 'endBy'>,
): Promise<RerankList> {
  const { model, query, documents, top_n: topN, return_documents } = parseRerankRequest(body);
  assertModel(model, service.model);
  const embedder = findEmbedder(service, 'rank');
  const texts = toTexts(documents);
  const toParam = (index: number) => `documents.${index}`;
  assertMayFit(query, embedder.contextSize, 'query');
  for (const [index, text] of texts.entries()) assertMayFit(text, embedder.contextSize, toParam(index));
  const { scores, tokens } = await orRefused(
    (signal) => embedder.rank(query, texts, signal),
    invocation,
    toParam,
  );
  return toRerankList({
    requestId: invocation.requestId,
    model: service.model,
    tokens,
    documents: texts,
    scores,
    topN,
    returnDocuments: return_documents,
  });
}
