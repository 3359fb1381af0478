// POST /v1/rerank, from a parsed JSON body to the answer.
import { type RerankList, toRerankList } from '../wire/rerank.ts';
import { parseRerankRequest, toTexts } from '../wire/rerank-request.ts';
import { type EmbeddingService, findEmbedder, orRefused } from './embeddings.ts';
import { assertModel } from './generation-request.ts';
import type { Invocation } from './service.ts';

/**
 * Answers a rerank request.
 *
 * @throws {RequestError} when the request is wrong or does not fit the model, or the model cannot rank
 */
export async function rerank(
  body: unknown,
  service: EmbeddingService,
  { requestId, signal }: Pick<Invocation, 'requestId' | 'signal'>,
): Promise<RerankList> {
  const { model, query, documents, top_n: topN, return_documents } = parseRerankRequest(body);
  assertModel(model, service.model);
  const embedder = findEmbedder(service, 'rank');
  const texts = toTexts(documents);
  const { scores, tokens } = await orRefused(
    embedder.rank(query, texts, signal),
    (index) => `documents.${index}`,
  );
  return toRerankList({
    requestId,
    model: service.model,
    tokens,
    documents: texts,
    scores,
    topN,
    returnDocuments: return_documents,
  });
}
