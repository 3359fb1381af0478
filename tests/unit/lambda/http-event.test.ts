// The path of a request, without what API Gateway puts before it.
import { describe, expect, it } from 'vitest';
import { toHttpEvent, toHttpRequest } from '../../../src/lambda/http-event.ts';
import { readEvent } from '../../events.ts';

function pathOf(
  name: string,
  changes: Record<string, unknown>,
  contextChanges: Record<string, unknown> = {},
): string {
  const event = readEvent(name) as { requestContext: object };
  const requestContext = { ...event.requestContext, ...contextChanges };
  const http = toHttpEvent({ ...event, ...changes, requestContext });
  if (http === undefined) throw new Error('It is no HTTP event.');
  return toHttpRequest(http).path;
}

describe('the query', () => {
  it.each([
    ['function-url-models', { rawQueryString: 'order=asc&after=a%20b' }],
    ['api-gateway-v1', { queryStringParameters: { order: 'asc', after: 'a b' } }],
    ['api-gateway-v1', { multiValueQueryStringParameters: { order: ['desc', 'asc'], after: ['a b'] } }],
    ['alb', { queryStringParameters: { order: 'asc', after: 'a%20b' } }],
  ])('of %s is that of the request: %j', (name, changes) => {
    const http = toHttpEvent({ ...(readEvent(name) as object), ...changes });
    const query = new URLSearchParams(http && toHttpRequest(http).query);

    expect(Object.fromEntries(query)).toEqual({ order: 'asc', after: 'a b' });
  });

  it.each(['function-url-models', 'api-gateway-v1', 'alb'])('of %s may be missing', (name) => {
    const http = toHttpEvent({
      ...(readEvent(name) as object),
      rawQueryString: undefined,
      queryStringParameters: null,
      multiValueQueryStringParameters: null,
    });

    expect(http && toHttpRequest(http).query).toBe('');
  });
});

describe('the path of an API Gateway REST API', () => {
  it.each([
    ['without a custom domain', { path: '/v1/models', pathParameters: { proxy: 'v1/models' } }, '/v1/models'],
    [
      'with a base path mapping',
      { path: '/llm/tokenize', pathParameters: { proxy: 'tokenize' } },
      '/tokenize',
    ],
    [
      'with a slash at its end',
      { path: '/llm/tokenize/', pathParameters: { proxy: 'tokenize' } },
      '/tokenize',
    ],
    [
      'with a resource that has a path',
      {
        path: '/llm/v1/chat/completions',
        resource: '/v1/chat/{proxy+}',
        pathParameters: { proxy: 'completions' },
      },
      '/v1/chat/completions',
    ],
    [
      'with a resource without parameters',
      { path: '/llm/health', resource: '/health', pathParameters: null },
      '/health',
    ],
    ['with its stage', { path: '/prod/health', resource: undefined, pathParameters: null }, '/health'],
    [
      'that its resource does not explain',
      { path: '/health', resource: '/{id}', pathParameters: null },
      '/health',
    ],
  ])('is that of the request: %s', (_, changes, path) => {
    expect(pathOf('api-gateway-v1', changes)).toBe(path);
  });

  it.each([
    ['without a custom domain', { path: '/api/chat', pathParameters: { proxy: 'api/chat' } }, '/api/chat'],
    ['with a slash at its end', { path: '/api/tags/', pathParameters: { proxy: 'api/tags/' } }, '/api/tags'],
    [
      'with a base path mapping of that name',
      { path: '/api/api/generate', pathParameters: { proxy: 'api/generate' } },
      '/api/generate',
    ],
    [
      'with a base path mapping of that name before another path',
      { path: '/api/v1/models', pathParameters: { proxy: 'v1/models' } },
      '/v1/models',
    ],
    ['without a resource', { path: '/api/health', resource: undefined, pathParameters: null }, '/health'],
  ])('may begin with the name of its stage: %s', (_, changes, path) => {
    expect(pathOf('api-gateway-v1', changes, { stage: 'api' })).toBe(path);
  });
});

describe('the path of an API Gateway HTTP API', () => {
  it.each([
    ['with a stage', { rawPath: '/prod/health', routeKey: '$default' }, '/health'],
    [
      'with an API mapping',
      { rawPath: '/llm/tokenize', routeKey: 'ANY /{proxy+}', pathParameters: { proxy: 'tokenize' } },
      '/tokenize',
    ],
    ['with a route of everything', { rawPath: '/tokenize', routeKey: '$default' }, '/tokenize'],
    [
      'with a stage and a route',
      { rawPath: '/prod/api/chat', routeKey: 'ANY /{proxy+}', pathParameters: { proxy: 'api/chat' } },
      '/api/chat',
    ],
    [
      'with an API mapping, and its beginning is the name of the stage',
      { rawPath: '/prod/health', routeKey: 'ANY /{proxy+}', pathParameters: { proxy: 'prod/health' } },
      '/prod/health',
    ],
  ])('is that of the request: %s', (_, changes, path) => {
    expect(pathOf('api-gateway-v2', changes, { stage: 'prod' })).toBe(path);
  });
});

describe('an event that was written by hand', () => {
  it('may have a path of a million slashes', () => {
    const path = `${'/'.repeat(1_000_000)}x`;

    expect(pathOf('api-gateway-v1', { path })).toBe(path);
  });

  it('may repeat a long parameter in its resource', () => {
    const changes = {
      resource: `/${'{proxy}'.repeat(100_000)}`,
      pathParameters: { proxy: 'a'.repeat(100_000) },
    };

    expect(pathOf('api-gateway-v1', { path: '/v1/models', ...changes })).toBe('/v1/models');
  });

  it.each(['resource', 'pathParameters'])('may have a deeply nested list as %s', (field) => {
    const deep: unknown = JSON.parse(`${'['.repeat(100_000)}${']'.repeat(100_000)}`);
    const value = field === 'resource' ? deep : { proxy: deep };

    expect(pathOf('api-gateway-v1', { path: '/v1/models', [field]: value })).toBe('/v1/models');
  });
});
