// POST /v1/embeddings, from a parsed JSON body to the answer; and what ranking has in common with it.

import { toTimeUp } from '../../engine/deadline.ts';
import {
  type Embedder,
  type EmbeddingAbility,
  type Embeddings,
  toUnitLength,
  UnfitInputError,
} from '../../engine/embedder.ts';
import { RequestError } from '../../errors/request-error.ts';
import { toRequestFailure } from '../../generation/choices.ts';
import type { RequestContext } from '../../generation/context.ts';
import { assertMayFit, assertModel } from '../generation-request.ts';
import type { ModelService } from '../service.ts';
import { type EmbeddingList, toEmbeddingList } from './embedding-list.ts';
import { parseEmbeddingsRequest, toInputs } from './embeddings-request.ts';

/** The part of the service that embeds and ranks. */
export interface EmbeddingService extends Pick<ModelService, 'model'> {
  readonly embedder?: Embedder | undefined;
}

/** An embedder whose model can do this. */
type Able<Type extends EmbeddingAbility['type']> = Embedder & {
  readonly ability: Extract<EmbeddingAbility, { type: Type }>;
};

/**
 * Answers an embeddings request.
 *
 * @throws {RequestError} when the request is wrong or does not fit the model, or the model cannot embed
 */
export async function embed(
  body: unknown,
  service: EmbeddingService,
  context: Pick<RequestContext, 'signal' | 'endBy'>,
): Promise<EmbeddingList> {
  const request = parseEmbeddingsRequest(body);
  assertModel(request.model, service.model);
  const embedder = findEmbedder(service, 'embed');
  assertDimensions(request.dimensions, embedder.ability);
  const inputs = toInputs(request.input);
  const isList = Array.isArray(request.input) && typeof request.input[0] !== 'number';
  const toParam = (index: number) => (isList ? `input.${index}` : 'input');
  for (const [index, input] of inputs.entries()) {
    if (typeof input === 'string') assertMayFit(input, embedder.contextSize, toParam(index));
  }
  const { vectors, tokens } = await orRefused((signal) => embedder.embed(inputs, signal), context, toParam);
  return toEmbeddingList(shorten(vectors, request.dimensions), {
    tokens,
    model: service.model,
    encoding: request.encoding_format,
  });
}

/** @throws {RequestError} saying why when the model cannot do this */
export function findEmbedder<Type extends 'embed' | 'rank'>(
  { embedder, model }: EmbeddingService,
  ability: Type,
): Able<Type> {
  if (embedder !== undefined && isAble(embedder, ability)) return embedder;
  const task = ability === 'embed' ? 'make embeddings' : 'rank documents';
  throw new RequestError(
    'invalid_value',
    `The model '${model}' cannot ${task}: ${reasonAgainst(embedder)}.`,
    {
      param: 'model',
    },
  );
}

/**
 * Asks an embedder, as long as there is time.
 *
 * @param toParam the request's field that brought the input at an index
 * @throws {RequestError} in the place of what the embedder refuses; `deadline_exceeded` when the time is up
 */
export async function orRefused<Answer>(
  ask: (signal: AbortSignal) => Promise<Answer>,
  { signal, endBy }: Pick<RequestContext, 'signal' | 'endBy'>,
  toParam: (index: number) => string,
): Promise<Answer> {
  const timeUp = toTimeUp(endBy);
  try {
    return await ask(timeUp === undefined ? signal : AbortSignal.any([signal, timeUp]));
  } catch (error) {
    if (timeUp?.aborted && error === timeUp.reason) {
      throw new RequestError(
        'deadline_exceeded',
        'The time was up before all texts were evaluated. Send fewer at once, or give the function more time.',
      );
    }
    if (error instanceof UnfitInputError) throw toRefusal(error, toParam(error.index));
    throw toRequestFailure(error);
  }
}

function isAble<Type extends EmbeddingAbility['type']>(
  embedder: Embedder,
  ability: Type,
): embedder is Able<Type> {
  return embedder.ability.type === ability;
}

function reasonAgainst(embedder: Embedder | undefined): string {
  switch (embedder?.ability.type) {
    case 'embed':
      return 'it is made for embeddings, POST /v1/embeddings';
    case 'rank':
      return 'it is made for ranking, POST /v1/rerank';
    case 'none':
      return embedder.ability.reason;
    default:
      return 'it was loaded for generating text only';
  }
}

function toRefusal({ misfit }: UnfitInputError, param: string): RequestError {
  switch (misfit.type) {
    case 'too-long':
      return new RequestError(
        'context_length_exceeded',
        `This model's context holds ${misfit.contextSize} tokens, but '${param}' takes ${misfit.tokens} with what ` +
          'stands around it. Shorten or split it.',
        { param },
      );
    case 'unknown-token':
      return new RequestError(
        'invalid_value',
        `'${param}' has the token ${misfit.token}, but this model's vocabulary ends before ` +
          `${misfit.vocabularySize}. Send the text, or tokens of this model.`,
        { param },
      );
    case 'no-tokens':
      return new RequestError('invalid_value', `'${param}' has no tokens.`, { param });
    default:
      return misfit satisfies never;
  }
}

function assertDimensions(
  asked: number | undefined,
  { dimensions, matryoshka }: Able<'embed'>['ability'],
): void {
  if (asked === undefined || asked === dimensions) return;
  const param = 'dimensions';
  if (asked > dimensions) {
    const message = `'dimensions' must be at most ${dimensions}, this model's own, not ${asked}.`;
    throw new RequestError('invalid_value', message, { param });
  }
  if (matryoshka) return;
  throw new RequestError(
    'unsupported_parameter',
    `'dimensions' must be ${dimensions}, this model's own: its GGUF does not say that it was trained for shorter ` +
      "vectors (no tag with 'matryoshka' in 'general.tags'), and a part of another vector compares badly.",
    { param },
  );
}

/** The first numbers of each vector, of unit length again. */
function shorten(vectors: Embeddings['vectors'], dimensions: number | undefined): Embeddings['vectors'] {
  if (dimensions === undefined) return vectors;
  return vectors.map((vector) =>
    vector.length === dimensions ? vector : toUnitLength(vector.subarray(0, dimensions)),
  );
}
