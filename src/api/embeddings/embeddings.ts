// POST /v1/embeddings: answers a parsed JSON body with vectors. Ranking shares the errors of the embedder.

import {
  type Embedder,
  type EmbeddingAbility,
  type Embeddings,
  type EvaluationWatch,
  toUnitLength,
  UnfitInputError,
} from '../../engine/embedder.ts';
import { RequestError } from '../../errors/request-error.ts';
import type { RequestContext } from '../../generation/context.ts';
import { untilDeadline } from '../../generation/until-deadline.ts';
import { assertMayFit, assertModel } from '../generation-request.ts';
import type { ModelService } from '../service.ts';
import { type EmbeddingList, toEmbeddingList } from './embedding-list.ts';
import { parseEmbeddingsRequest, toInputs } from './embeddings-request.ts';

/** The part of the service for embeddings and rankings. */
export interface EmbeddingService extends Pick<ModelService, 'model' | 'modelAliases' | 'strictModel'> {
  readonly embedder?: Embedder | undefined;
}

/** An embedder with this ability. */
type Able<Type extends EmbeddingAbility['type']> = Embedder & {
  readonly ability: Extract<EmbeddingAbility, { type: Type }>;
};

/**
 * Answers an embeddings request.
 *
 * @throws {RequestError} when the request is invalid or does not fit the model, or the model cannot embed
 */
export async function embed(
  body: unknown,
  service: EmbeddingService,
  context: Pick<RequestContext, 'signal' | 'endBy' | 'foreignFields' | 'spend'>,
): Promise<EmbeddingList> {
  const request = parseEmbeddingsRequest(body, context.foreignFields);
  assertModel(request.model, service);
  const embedder = findEmbedder(service, 'embed');
  assertDimensions(request.dimensions, embedder.ability);
  const inputs = toInputs(request.input);
  const isList = Array.isArray(request.input) && typeof request.input[0] !== 'number';
  const toParam = (index: number) => (isList ? `input.${index}` : 'input');
  for (const [index, input] of inputs.entries()) {
    if (typeof input === 'string') assertMayFit(input, embedder.contextSize, toParam(index));
  }
  const { vectors, tokens } = await runEmbedder((watch) => embedder.embed(inputs, watch), context, toParam);
  return toEmbeddingList(shorten(vectors, request.dimensions), {
    tokens,
    model: service.model,
    encoding: request.encoding_format,
  });
}

/**
 * Returns the embedder if it has the ability.
 *
 * @throws {RequestError} `invalid_value` with the reason when the model does not have the ability
 */
export function findEmbedder<Type extends 'embed' | 'rank'>(
  { embedder, model }: EmbeddingService,
  ability: Type,
): Able<Type> {
  if (embedder !== undefined && isAble(embedder, ability)) return embedder;
  const task = ability === 'embed' ? 'make embeddings' : 'rank documents';
  throw new RequestError(
    'invalid_value',
    `The model '${model}' cannot ${task}: ${explainInability(embedder)}.`,
    { param: 'model' },
  );
}

/**
 * Runs an embedder until it ends or the deadline passes.
 *
 * @param toParam returns the field of the request for the input at an index
 * @throws {RequestError} when the embedder refuses an input; `deadline_exceeded` when the deadline passes
 */
export async function runEmbedder<Answer>(
  run: (watch: EvaluationWatch) => Promise<Answer>,
  context: Pick<RequestContext, 'signal' | 'endBy' | 'spend'>,
  toParam: (index: number) => string,
): Promise<Answer> {
  const onTokens = (tokens: number) => context.spend?.(tokens);
  try {
    return await untilDeadline((signal) => run({ signal, onTokens }), context, { parts: 'texts' });
  } catch (error) {
    throw error instanceof UnfitInputError ? toInputError(error, toParam(error.index)) : error;
  }
}

function isAble<Type extends EmbeddingAbility['type']>(
  embedder: Embedder,
  ability: Type,
): embedder is Able<Type> {
  return embedder.ability.type === ability;
}

function explainInability(embedder: Embedder | undefined): string {
  switch (embedder?.ability.type) {
    case 'embed':
      return 'it is an embedding model, use /v1/embeddings';
    case 'rank':
      return 'it is a reranking model, use /v1/rerank';
    case 'none':
      return embedder.ability.reason;
    default:
      return 'it was loaded only to generate text';
  }
}

function toInputError({ misfit }: UnfitInputError, param: string): RequestError {
  switch (misfit.type) {
    case 'too-long':
      return new RequestError(
        'context_length_exceeded',
        `'${param}' needs ${misfit.tokens} tokens with the special tokens around it. The context has ` +
          `${misfit.contextSize}, the server's CONTEXT_SIZE. Shorten or split it.`,
        { param },
      );
    case 'unknown-token':
      return new RequestError(
        'invalid_value',
        `'${param}' has the token ${misfit.token}, but tokens of this model are lower than ` +
          `${misfit.vocabularySize}. Send the text, or tokens of this model.`,
        { param },
      );
    case 'no-tokens':
      return new RequestError(
        'invalid_value',
        `'${param}' has no tokens. Send a text with at least one token.`,
        { param },
      );
    default:
      return misfit satisfies never;
  }
}

function assertDimensions(
  requested: number | undefined,
  { dimensions, matryoshka }: Able<'embed'>['ability'],
): void {
  if (requested === undefined || requested === dimensions) return;
  const param = 'dimensions';
  if (requested > dimensions) {
    const message = `'dimensions' must be at most ${dimensions} for this model, not ${requested}.`;
    throw new RequestError('invalid_value', message, { param });
  }
  if (matryoshka) return;
  throw new RequestError(
    'unsupported_parameter',
    `'dimensions' must be ${dimensions} for this model. Only a Matryoshka model has useful shorter vectors, and this ` +
      "GGUF has no tag with 'matryoshka' in 'general.tags'.",
    { param },
  );
}

/** Cuts each vector to its first numbers and scales it to unit length. */
function shorten(vectors: Embeddings['vectors'], dimensions: number | undefined): Embeddings['vectors'] {
  if (dimensions === undefined) return vectors;
  return vectors.map((vector) =>
    vector.length === dimensions ? vector : toUnitLength(vector.subarray(0, dimensions)),
  );
}
