// POST /v1/rerank: answers a parsed JSON body with a ranking.

import type { RequestContext } from '../../generation/context.ts';
import { type EmbeddingService, findEmbedder, runEmbedder } from '../embeddings/embeddings.ts';
import { assertMayFit, assertModel } from '../generation-request.ts';
import { type RerankList, toRerankList } from './rerank-list.ts';
import { parseRerankRequest, toTexts } from './rerank-request.ts';

/**
 * Answers a rerank request.
 *
 * @throws {RequestError} when the request is invalid or does not fit the model, or the model cannot rank
 */
export async function rerank(
  body: unknown,
  service: EmbeddingService,
  context: Pick<RequestContext, 'id' | 'signal' | 'endBy' | 'foreignFields' | 'spend'>,
): Promise<RerankList> {
  const {
    model,
    query,
    documents,
    top_n: topN,
    return_documents,
  } = parseRerankRequest(body, context.foreignFields);
  assertModel(model, service);
  const embedder = findEmbedder(service, 'rank');
  const texts = toTexts(documents);
  const toParam = (index: number) => `documents.${index}`;
  assertMayFit(query, embedder.contextSize, 'query');
  for (const [index, text] of texts.entries()) assertMayFit(text, embedder.contextSize, toParam(index));
  const { scores, tokens } = await runEmbedder(
    (watch) => embedder.rank(query, texts, watch),
    context,
    toParam,
  );
  return toRerankList({
    requestId: context.id,
    model: service.model,
    tokens,
    documents: texts,
    scores,
    topN,
    returnDocuments: return_documents,
  });
}
