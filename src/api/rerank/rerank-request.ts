// The request of POST /v1/rerank, as Jina's and Cohere's APIs and llama-server have it.
import * as z from 'zod/mini';
import { parseFields } from '../request-body.ts';
import { nonEmptyText } from '../request-fields.ts';

/** The most documents that one request may bring. */
const mostDocuments = 2048;

export const rerankRequestSchema = z.strictObject({
  model: z.optional(z.string()).check(z.describe('Must name the model that is loaded, when given.')),
  query: nonEmptyText().check(z.describe('What the documents should be relevant for.')),
  documents: z
    .array(z.union([nonEmptyText(), z.strictObject({ text: nonEmptyText() })]))
    .check(
      z.minLength(1),
      z.maxLength(mostDocuments),
      z.describe('Texts, or objects with a text. Each must fit the context together with the query.'),
    ),
  top_n: z
    .optional(z.int().check(z.gte(1)))
    .check(z.describe('Answer with so many of the most relevant documents. Default: all.')),
  return_documents: z
    ._default(z.boolean(), false)
    .check(z.describe("Answer with the documents' texts beside their places.")),
});

/** A validated rerank request, with its defaults filled in. */
export type RerankRequest = z.output<typeof rerankRequestSchema>;

/** What other servers' rerank has and this one has not. */
const unsupported = {
  max_chunks_per_doc: 'a document that is too long is refused',
  max_tokens_per_doc: 'a document that is too long is refused',
  rank_fields: 'documents are texts',
  texts: "use 'documents'",
  truncation: 'a document that is too long is refused',
};

/**
 * Parses the body of a rerank request.
 *
 * @throws {RequestError} naming the field that is missing, wrong, unknown or not supported
 */
export function parseRerankRequest(body: unknown): RerankRequest {
  return parseFields(rerankRequestSchema, unsupported, body);
}

/** The documents of a request as texts. */
export function toTexts(documents: RerankRequest['documents']): string[] {
  return documents.map((document) => (typeof document === 'string' ? document : document.text));
}
