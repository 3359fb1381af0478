// The table of routes: each path with its methods and their endpoints.
import { applyTemplate, chat } from '../api/chat/chat.ts';
import { chatRequestSchema, templateRequestSchema } from '../api/chat/chat-request.ts';
import { completionRequestSchema } from '../api/completions/completion-request.ts';
import { complete } from '../api/completions/completions.ts';
import { embed } from '../api/embeddings/embeddings.ts';
import { embeddingsRequestSchema } from '../api/embeddings/embeddings-request.ts';
import { findModel, type LoadedModel, toModelList, toProps, toTokenizerInfo } from '../api/models/models.ts';
import { rerank } from '../api/rerank/rerank.ts';
import { rerankRequestSchema } from '../api/rerank/rerank-request.ts';
import type { ModelService } from '../api/service.ts';
import { detokenize, tokenize } from '../api/tokens/tokens.ts';
import { detokenizeRequestSchema, tokenizeRequestSchema } from '../api/tokens/tokens-request.ts';
import { RequestError } from '../errors/request-error.ts';
import type { RequestContext } from '../generation/context.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import { type Endpoint, get, post, TextAnswer } from './endpoint.ts';
import type { HttpRequest } from './http.ts';
import { toOpenApi } from './openapi.ts';

const routes: Readonly<Record<string, Readonly<Record<string, Endpoint>>>> = {
  '/v1/completions': post('Completes a text.', completionRequestSchema, complete),
  '/v1/chat/completions': post('Answers in a chat.', chatRequestSchema, chat),
  '/v1/embeddings': post('Turns texts into vectors.', embeddingsRequestSchema, embed),
  '/v1/rerank': post('Sorts documents by their relevance to a query.', rerankRequestSchema, rerank),
  '/v1/models': get('Lists the loaded model.', ({ service }) => toModelList(toLoadedModel(service))),
  '/v1/models/{id}': get('Describes the model.', ({ service, parameter }) =>
    findModel(parameter, toLoadedModel(service)),
  ),
  '/tokenize': post('Turns a text into tokens.', tokenizeRequestSchema, tokenize),
  '/detokenize': post('Turns tokens into their text.', detokenizeRequestSchema, detokenize),
  '/apply-template': post('Turns messages into a prompt.', templateRequestSchema, applyTemplate),
  '/tokenizer_info': get('Describes the vocabulary.', ({ service }) =>
    toTokenizerInfo(toLoadedModel(service)),
  ),
  '/props': get('Describes the server.', ({ service }) =>
    toProps(toLoadedModel(service), service.engine.slots),
  ),
  '/metrics': get('Counts and durations for Prometheus, on a server of your own.', ({ context }) =>
    exposeMetrics(context.metrics),
  ),
  '/health': get('Whether the model is loaded.', ({ service, context }) => toHealth(service, context)),
  '/openapi.json': get('This document.', () => describeApi()),
};

/** The paths that need no key. */
export const openPaths: ReadonlySet<string> = new Set(['/health']);

export interface Route {
  readonly pattern: string;
  readonly methods: Readonly<Record<string, Endpoint>>;
  /** The part of the path that the pattern calls `{parameter}`. A model's name may have slashes. */
  readonly parameter: string;
}

/** The route of a path, if there is one. */
export function findRoute(path: string): Route | undefined {
  for (const [pattern, methods] of Object.entries(routes)) {
    const parameterStart = pattern.indexOf('{');
    if (parameterStart < 0 && path === pattern) return { pattern, methods, parameter: '' };
    const fixed = pattern.slice(0, Math.max(0, parameterStart));
    if (parameterStart >= 0 && path.startsWith(fixed) && path.length > fixed.length) {
      return { pattern, methods, parameter: path.slice(fixed.length) };
    }
  }
  return undefined;
}

/** @throws {RequestError} `unknown_url` without a route, `method_not_allowed` for another method than the route's */
export function findEndpoint(
  route: Route | undefined,
  { method, path }: HttpRequest,
): { endpoint: Endpoint; parameter: string } {
  if (route === undefined) {
    throw new RequestError(
      'unknown_url',
      `There is nothing at this path; try ${Object.keys(routes).join(', ')}.`,
    );
  }
  // HEAD is answered like GET, without a body.
  const asked = method === 'HEAD' ? 'GET' : method;
  const endpoint = Object.hasOwn(route.methods, asked) ? route.methods[asked] : undefined;
  if (endpoint !== undefined) return { endpoint, parameter: decode(route.parameter) };
  const allow = Object.keys(route.methods).join(', ').replace('GET', 'GET, HEAD');
  throw new RequestError('method_not_allowed', `${path} takes ${allow}, not ${method}.`, {
    headers: { allow },
  });
}

/** A malformed encoding is taken literally. */
function decode(parameter: string): string {
  try {
    return decodeURIComponent(parameter);
  } catch {
    return parameter;
  }
}

let description: object | undefined;

/** Made for the first request of it. */
function describeApi(): object {
  description ??= toOpenApi(routes, openPaths);
  return description;
}

async function exposeMetrics(metrics: Metrics | undefined): Promise<TextAnswer> {
  if (metrics?.expose === undefined) {
    throw new RequestError('unknown_url', 'This function has no metrics: on Lambda they are in CloudWatch.');
  }
  const { text, contentType } = await metrics.expose();
  return new TextAnswer(text, contentType);
}

function toLoadedModel({ model, engine }: ModelService): LoadedModel {
  return { name: model, contextSize: engine.contextSize, properties: engine.properties };
}

function toHealth({ model, engine }: ModelService, { coldStart }: RequestContext): object {
  // The model is loaded before the handler exists, so a server that answers has it.
  return {
    status: 'ok',
    model_loaded: true,
    model,
    context_size: engine.contextSize,
    uptime_seconds: process.uptime(),
    cold_start: coldStart,
  };
}
