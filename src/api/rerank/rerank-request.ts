// The request of POST /v1/rerank: the fields of Jina's and Cohere's APIs and of llama-server.
import * as z from 'zod/mini';
import type { ForeignFields } from '../../generation/foreign-fields.ts';
import { parseFields, type UnsupportedFields } from '../request-body.ts';
import { nonEmptyText } from '../request-fields.ts';

/** The most documents of one request. */
const mostDocuments = 2048;

export const rerankRequestSchema = z.strictObject({
  model: z.optional(z.string()).check(z.describe('Any name. The loaded model answers.')),
  query: nonEmptyText().check(z.describe('The query that the documents are compared with.')),
  documents: z
    .array(z.union([nonEmptyText(), z.strictObject({ text: nonEmptyText() })]))
    .check(
      z.minLength(1),
      z.maxLength(mostDocuments),
      z.describe('Texts, or objects with a text. The query and each document must fit the context.'),
    ),
  top_n: z
    .optional(z.int().check(z.gte(1)))
    .check(z.describe('Returns only this many of the most relevant documents. Default: all.')),
  return_documents: z
    ._default(z.boolean(), false)
    .check(z.describe("Returns the documents' texts with their indexes.")),
});

/** A validated rerank request with its defaults. */
export type RerankRequest = z.output<typeof rerankRequestSchema>;

/** Fields of other servers that this one ignores, with the reason or an alternative. */
const unsupportedFields: UnsupportedFields = {
  max_chunks_per_doc: 'the server rejects a document that is too long',
  max_tokens_per_doc: 'the server rejects a document that is too long',
  rank_fields: 'documents are texts',
  texts: "use 'documents'",
  truncation: 'the server rejects a document that is too long',
};

/**
 * Parses the body of a rerank request.
 *
 * @throws {RequestError} with the name of the field that is missing or invalid, or foreign under the strict rule
 */
export function parseRerankRequest(body: unknown, foreign?: ForeignFields): RerankRequest {
  return parseFields(rerankRequestSchema, unsupportedFields, body, foreign);
}

/** Returns the documents of a request as texts. */
export function toTexts(documents: RerankRequest['documents']): string[] {
  return documents.map((document) => (typeof document === 'string' ? document : document.text));
}
