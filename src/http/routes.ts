// The table of routes: each path with its methods and their endpoints.
import { chat } from '../api/chat/chat.ts';
import { applyTemplate } from '../api/chat/chat-prompt.ts';
import { chatRequestSchema, templateRequestSchema } from '../api/chat/chat-request.ts';
import { completionRequestSchema } from '../api/completions/completion-request.ts';
import { complete } from '../api/completions/completions.ts';
import { embed } from '../api/embeddings/embeddings.ts';
import { embeddingsRequestSchema } from '../api/embeddings/embeddings-request.ts';
import {
  findModel,
  type LoadedModel,
  toModelList,
  toProps,
  toSlots,
  toTokenizerInfo,
} from '../api/models/models.ts';
import { rerank } from '../api/rerank/rerank.ts';
import { rerankRequestSchema } from '../api/rerank/rerank-request.ts';
import type { ModelService } from '../api/service.ts';
import { detokenize, tokenize } from '../api/tokens/tokens.ts';
import { detokenizeRequestSchema, tokenizeRequestSchema } from '../api/tokens/tokens-request.ts';
import { RequestError } from '../errors/request-error.ts';
import type { RequestContext } from '../generation/context.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import { asksAnthropic } from './api-form.ts';
import { type Endpoint, get, post, postLoaded, TextAnswer } from './endpoint.ts';
import type { HttpRequest } from './http.ts';
import { ollamaRoutes } from './ollama-routes.ts';
import { toOpenApi } from './openapi.ts';
import { findPath, type KnownPath, type PathPattern } from './paths.ts';
import { responsesRoutes } from './responses-routes.ts';

const loadNative = () => import('../api/native/native-endpoints.ts');
const loadMessages = () => import('../api/messages/messages-endpoints.ts');

const routes: Readonly<Record<PathPattern, Readonly<Record<string, Endpoint>>>> = {
  '/v1/completions': post('Completes a prompt.', completionRequestSchema, complete),
  '/v1/chat/completions': post('Answers a conversation.', chatRequestSchema, chat),
  ...responsesRoutes,
  '/v1/messages': postLoaded(
    "Answers a conversation, in Anthropic's format.",
    async () => (await loadMessages()).messages,
  ),
  '/v1/messages/count_tokens': postLoaded(
    "Counts the tokens of a conversation, in Anthropic's format.",
    async () => (await loadMessages()).tokenCount,
  ),
  '/completion': postLoaded(
    "Completes a prompt, in llama-server's format.",
    async () => (await loadNative()).completion,
  ),
  '/infill': postLoaded(
    "Fills a gap in a text, in llama-server's format.",
    async () => (await loadNative()).infill,
  ),
  '/v1/embeddings': post('Converts texts to embeddings.', embeddingsRequestSchema, embed),
  '/v1/rerank': post('Sorts documents by their relevance to a query.', rerankRequestSchema, rerank),
  '/v1/decisions': postLoaded(
    'Answers questions about an input by the probabilities of their answers.',
    async () => (await import('../api/decisions/decisions.ts')).decisions,
  ),
  '/v1/models': get('Lists the loaded model.', async ({ headers, service }) => {
    const model = toLoadedModel(service);
    return asksAnthropic(headers) ? (await loadMessages()).models.list(model) : toModelList(model);
  }),
  '/v1/models/{id}': get('Describes the loaded model.', async ({ headers, service, parameter }) => {
    const model = toLoadedModel(service);
    return asksAnthropic(headers)
      ? (await loadMessages()).models.find(parameter, model)
      : findModel(parameter, model);
  }),
  '/tokenize': post('Converts a text to tokens.', tokenizeRequestSchema, tokenize),
  '/detokenize': post('Converts tokens to text.', detokenizeRequestSchema, detokenize),
  '/apply-template': post('Converts messages to a prompt.', templateRequestSchema, applyTemplate),
  '/tokenizer_info': get('Describes the vocabulary.', ({ service }) =>
    toTokenizerInfo(toLoadedModel(service), service.chatTemplate),
  ),
  '/props': get('Describes the server.', ({ service }) =>
    toProps(toLoadedModel(service), service.engine, service.chatTemplate),
  ),
  '/slots': get("Describes the slots, in llama-server's format.", ({ service }) => toSlots(service.engine)),
  '/metrics': get('Returns metrics for Prometheus. Not available on Lambda.', ({ context }) =>
    exposeMetrics(context.metrics),
  ),
  '/health': get('Reports that the server is ready.', ({ service, context }) => toHealth(service, context)),
  ...ollamaRoutes,
  '/openapi.json': get('Returns this OpenAPI document.', () => describeApi()),
};

/** The paths that need no API key. */
export const openPaths: ReadonlySet<string> = new Set(['/', '/health']);

export interface Route extends KnownPath {
  readonly methods: Readonly<Record<string, Endpoint>>;
}

/** Finds the route of a path. */
export function findRoute(path: string): Route | undefined {
  const known = findPath(path);
  return known && { ...known, methods: routes[known.pattern] };
}

/**
 * Finds the endpoint for the method of a request.
 *
 * @throws {RequestError} `unknown_url` without a route, `method_not_allowed` for an unsupported method
 */
export function findEndpoint(
  route: Route | undefined,
  { method, path }: Pick<HttpRequest, 'method' | 'path'>,
): { endpoint: Endpoint; parameter: string } {
  if (route === undefined) {
    throw new RequestError(
      'unknown_url',
      `Unknown path '${path}'. The paths are ${Object.keys(routes).join(', ')}.`,
    );
  }
  // HEAD has the headers of GET and no body, unless the path has an endpoint of its own for it.
  const name = method === 'HEAD' && !Object.hasOwn(route.methods, method) ? 'GET' : method;
  const endpoint = Object.hasOwn(route.methods, name) ? route.methods[name] : undefined;
  if (endpoint !== undefined) return { endpoint, parameter: decode(route.parameter) };
  const methods = Object.keys(route.methods).flatMap((each) => (each === 'GET' ? ['GET', 'HEAD'] : [each]));
  const allow = [...new Set(methods)].join(', ');
  throw new RequestError('method_not_allowed', `${path} does not allow ${method}. Use ${allow}.`, {
    headers: { allow },
  });
}

/** Decodes a part of a path. Leaves a malformed encoding unchanged. */
function decode(parameter: string): string {
  try {
    return decodeURIComponent(parameter);
  } catch {
    return parameter;
  }
}

let description: Promise<object> | undefined;

/** Returns the OpenAPI document. The first request creates it; after a failure the next one tries again. */
function describeApi(): Promise<object> {
  description ??= toOpenApi(routes, openPaths).catch((error: unknown) => {
    description = undefined;
    throw error;
  });
  return description;
}

async function exposeMetrics(metrics: Metrics | undefined): Promise<TextAnswer> {
  if (metrics?.expose === undefined) {
    throw new RequestError('unknown_url', 'There is no /metrics on Lambda. Its metrics are in CloudWatch.');
  }
  const { text, contentType } = await metrics.expose();
  return new TextAnswer(text, contentType);
}

function toLoadedModel({ model, modelAliases = [], engine }: ModelService): LoadedModel {
  return {
    name: model,
    aliases: modelAliases,
    contextSize: engine.contextSize,
    properties: engine.properties,
  };
}

function toHealth({ model, engine }: ModelService, { coldStart }: RequestContext): object {
  // The model is loaded before the request handler exists.
  return {
    status: 'ok',
    model_loaded: true,
    model,
    context_size: engine.contextSize,
    uptime_seconds: process.uptime(),
    cold_start: coldStart,
  };
}
