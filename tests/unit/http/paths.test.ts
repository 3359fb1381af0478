// Paths as base URLs and proxies make them.
import { describe, expect, it } from 'vitest';
import { findRoute } from '../../../src/http/routes.ts';

describe('findRoute', () => {
  it.each([
    ['/v1/chat/completions', '/v1/chat/completions'],
    ['/v1/chat/completions/', '/v1/chat/completions'],
    ['//v1//chat/completions', '/v1/chat/completions'],
    ['/chat/completions', '/v1/chat/completions'],
    ['/v1/v1/chat/completions', '/v1/chat/completions'],
    ['/llm/prod/v1/completions', '/v1/completions'],
    ['/embeddings', '/v1/embeddings'],
    ['/v1/v1/messages', '/v1/messages'],
    ['/anthropic/v1/messages/count_tokens', '/v1/messages/count_tokens'],
    ['/v1/models/', '/v1/models'],
    ['/v1/health', '/health'],
    ['/health/', '/health'],
    ['/', '/'],
    ['//', '/'],
    ['/api/chat/', '/api/chat'],
    ['/v1/api/tags', '/api/tags'],
  ])('finds the route of %s', (path, pattern) => {
    expect(findRoute(path)?.pattern).toBe(pattern);
  });

  it.each([
    ['/v1/models/org/name', 'org/name'],
    ['/models/name/', 'name'],
    ['/v1/models/a/v1/completions', 'a/v1/completions'],
  ])('finds the model of %s', (path, parameter) => {
    expect(findRoute(path)).toMatchObject({ pattern: '/v1/models/{id}', parameter });
  });

  it.each([
    ['/v1/responses/resp_1', '/v1/responses/{id}', 'resp_1'],
    ['/responses/resp_1/', '/v1/responses/{id}', 'resp_1'],
    ['/llm/v1/responses/resp_1/input_items', '/v1/responses/{id}/input_items', 'resp_1'],
    ['/v1/responses/input_items', '/v1/responses/{id}', 'input_items'],
  ])('finds the response of %s', (path, pattern, parameter) => {
    expect(findRoute(path)).toMatchObject({ pattern, parameter });
  });

  it.each(['', '/v1', '/v1/', '/completions/v2', '/chat', '/llm/completions/v1'])(
    'finds no route of %s',
    (path) => {
      expect(findRoute(path)).toBeUndefined();
    },
  );
});
