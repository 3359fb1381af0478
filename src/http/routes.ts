// Which path and method gets which answer.

import { applyTemplate, chat } from '../api/chat/chat.ts';
import { chatRequestSchema, templateRequestSchema } from '../api/chat/chat-request.ts';
import { completionRequestSchema } from '../api/completions/completion-request.ts';
import { complete } from '../api/completions/completions.ts';
import { embed } from '../api/embeddings/embeddings.ts';
import { embeddingsRequestSchema } from '../api/embeddings/embeddings-request.ts';
import { findModel, type LoadedModel, toModelList, toProps, toTokenizerInfo } from '../api/models/models.ts';
import { rerank } from '../api/rerank/rerank.ts';
import { rerankRequestSchema } from '../api/rerank/rerank-request.ts';
import type { Invocation, Service } from '../api/service.ts';
import { detokenize, tokenize } from '../api/tokens/tokens.ts';
import { detokenizeRequestSchema, tokenizeRequestSchema } from '../api/tokens/tokens-request.ts';
import { RequestError, toRequestError } from '../errors/request-error.ts';
import { authorize } from './authorization.ts';
import { type Endpoint, type EndpointRequest, get, post, TextAnswer } from './endpoint.ts';
import { type HttpRequest, type HttpResponse, toEventStreamResponse, toJsonResponse } from './http.ts';
import { toOpenApi } from './openapi.ts';
import { toServerSentEvents } from './server-sent-events.ts';

const routes: Readonly<Record<string, Readonly<Record<string, Endpoint>>>> = {
  '/v1/completions': post('Completes a text.', completionRequestSchema, complete),
  '/v1/chat/completions': post('Answers in a chat.', chatRequestSchema, chat),
  '/v1/embeddings': post('Makes vectors of texts.', embeddingsRequestSchema, embed),
  '/v1/rerank': post('Sorts documents by their relevance for a query.', rerankRequestSchema, rerank),
  '/v1/models': get('Lists the model that is loaded.', ({ service }) => toModelList(toLoadedModel(service))),
  '/v1/models/{id}': get('Tells of the model.', ({ service, parameter }) =>
    findModel(parameter, toLoadedModel(service)),
  ),
  '/tokenize': post('Turns a text into tokens.', tokenizeRequestSchema, tokenize),
  '/detokenize': post('Turns tokens into their text.', detokenizeRequestSchema, detokenize),
  '/apply-template': post('Turns messages into a prompt.', templateRequestSchema, applyTemplate),
  '/tokenizer_info': get('Tells of the vocabulary.', ({ service }) =>
    toTokenizerInfo(toLoadedModel(service)),
  ),
  '/props': get('Tells of the server.', ({ service }) =>
    toProps(toLoadedModel(service), service.engine.slots),
  ),
  '/metrics': get('Counts and durations for Prometheus, on a server of your own.', exposeMetrics),
  '/health': get('Whether the model is loaded.', ({ service, invocation }) => toHealth(service, invocation)),
  '/openapi.json': get('This document.', () => describeApi()),
};

/** What is answered without a key. */
const openPaths = new Set(['/health']);

/** What metrics say of an answer that nobody waited for, as nginx does. */
const clientLeftStatus = 499;

/** Answers an HTTP request. Never throws: failures become OpenAI's error body, unknown ones are given to `log`. */
export async function answerHttp(
  http: HttpRequest,
  service: Service,
  invocation: Invocation,
  log: (error: unknown) => void,
): Promise<HttpResponse> {
  const { apiKey, cors } = service;
  const headers = { ...cors?.headers(http), 'x-request-id': invocation.requestId };
  const route = findRoute(http.path);
  const path = route?.pattern ?? 'unknown';
  const answered = (response: HttpResponse) => {
    service.metrics?.answered(path, invocation.signal.aborted ? clientLeftStatus : response.status);
    return http.method === 'HEAD' ? { ...response, body: '' } : response;
  };
  const preflight = cors?.preflight(http, toMethods(route, http));
  if (preflight !== undefined) {
    return answered({ ...preflight, headers: { ...preflight.headers, ...headers } });
  }
  // What fails because nobody waits for it any more is no failure.
  const logUnlessOver = (error: unknown) => (invocation.signal.aborted ? undefined : log(error));
  const noteBroken = (error: unknown) => {
    if (!invocation.signal.aborted) service.metrics?.broken(path);
    logUnlessOver(error);
  };
  try {
    if (apiKey !== undefined && !openPaths.has(http.path)) {
      await authorize(http.headers.authorization, apiKey);
    }
    if (http.body.length > 0) service.transcript?.asked(http.body);
    const { endpoint, parameter } = findEndpoint(route, http);
    const answer = await endpoint.answer({ http, service, invocation, parameter });
    if (answer instanceof TextAnswer) {
      return answered({
        status: 200,
        headers: { ...headers, 'content-type': answer.contentType },
        body: answer.text,
      });
    }
    return answered(
      Symbol.asyncIterator in answer
        ? toEventStreamResponse(toServerSentEvents(answer, noteBroken), headers)
        : toJsonResponse(answer, { headers }),
    );
  } catch (error) {
    if (!(error instanceof RequestError)) logUnlessOver(error);
    const failure = toRequestError(error);
    return answered(
      toJsonResponse(failure.toBody(), {
        status: failure.status,
        headers: { ...headers, ...failure.headers },
      }),
    );
  }
}

/** Those of the path; at an unknown one what is asked for, so that a page may read that it is unknown. */
function toMethods(route: Route | undefined, { headers }: HttpRequest): string[] {
  return route === undefined ? [headers['access-control-request-method'] ?? ''] : Object.keys(route.methods);
}

interface Route {
  readonly pattern: string;
  readonly methods: Readonly<Record<string, Endpoint>>;
  /** What stands in the path for the pattern's `{parameter}`; a model's name may have slashes. */
  readonly parameter: string;
}

function findRoute(path: string): Route | undefined {
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

function findEndpoint(
  route: Route | undefined,
  { method, path }: HttpRequest,
): { endpoint: Endpoint; parameter: string } {
  if (route === undefined) {
    throw new RequestError(
      'unknown_url',
      `There is nothing at this path; try ${Object.keys(routes).join(', ')}.`,
    );
  }
  // HEAD is answered as GET is, but for the body.
  const asked = method === 'HEAD' ? 'GET' : method;
  const endpoint = Object.hasOwn(route.methods, asked) ? route.methods[asked] : undefined;
  if (endpoint !== undefined) return { endpoint, parameter: decode(route.parameter) };
  const allow = Object.keys(route.methods).join(', ').replace('GET', 'GET, HEAD');
  throw new RequestError('method_not_allowed', `${path} takes ${allow}, not ${method}.`, {
    headers: { allow },
  });
}

/** What is not encoded as it should be stands for itself. */
function decode(parameter: string): string {
  try {
    return decodeURIComponent(parameter);
  } catch {
    return parameter;
  }
}

let description: object | undefined;

/** Made when it is first asked for. */
function describeApi(): object {
  description ??= toOpenApi(routes, openPaths);
  return description;
}

async function exposeMetrics({ service: { metrics } }: EndpointRequest): Promise<TextAnswer> {
  if (metrics?.expose === undefined) {
    throw new RequestError('unknown_url', 'There are no metrics here: on Lambda they are in CloudWatch.');
  }
  const { text, contentType } = await metrics.expose();
  return new TextAnswer(text, contentType);
}

function toLoadedModel({ model, engine }: Service): LoadedModel {
  return { name: model, contextSize: engine.contextSize, properties: engine.properties };
}

function toHealth({ model, engine }: Service, { uptimeSeconds, coldStart }: Invocation): object {
  // The model is loaded before the handler exists, so a server that answers has it.
  return {
    status: 'ok',
    model_loaded: true,
    model,
    context_size: engine.contextSize,
    uptime_seconds: uptimeSeconds,
    cold_start: coldStart,
  };
}
