// The paths of all APIs, apart from their endpoints. The front needs them too, and must not load the endpoints.

/** Parts in braces stand for any text. The first pattern that fits a path is its own. */
const patterns = [
  '/v1/completions',
  '/v1/chat/completions',
  '/v1/responses',
  '/v1/responses/{id}/input_items',
  '/v1/responses/{id}',
  '/v1/messages',
  '/v1/messages/count_tokens',
  '/completion',
  '/infill',
  '/v1/embeddings',
  '/v1/rerank',
  '/v1/decisions',
  '/v1/models',
  '/v1/models/{id}',
  '/tokenize',
  '/detokenize',
  '/apply-template',
  '/tokenizer_info',
  '/props',
  '/slots',
  '/metrics',
  '/health',
  '/',
  '/api/chat',
  '/api/generate',
  '/api/embed',
  '/api/embeddings',
  '/api/tags',
  '/api/ps',
  '/api/show',
  '/api/version',
  '/api/pull',
  '/api/push',
  '/api/create',
  '/api/copy',
  '/api/delete',
  '/openapi.json',
] as const;

export type PathPattern = (typeof patterns)[number];

/** Each pattern with what is before and after its parameter; `after` is undefined where it has none. */
const finders = patterns.map((pattern) => {
  const [before = '', after] = pattern.split(/\{\w+\}/);
  return { pattern, before, after };
});

export interface KnownPath {
  readonly pattern: PathPattern;
  /** The value of the pattern's `{parameter}`, still encoded. It may contain slashes, as names of models do. */
  readonly parameter: string;
}

/**
 * Finds the pattern of a path. Base URLs are often written with a slash at their end, without `/v1`, or with a path before
 * it, and proxies add a path of their own.
 */
export function findPath(path: string): KnownPath | undefined {
  const plain = path.replace(/\/{2,}/g, '/').replace(/(?<=.)\/$/, '');
  const own = toOwnPath(plain);
  for (const candidate of [plain, `/v1${plain}`, own, own.replace(/^\/v1/, '')]) {
    const found = findExact(candidate);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Returns a path from its last `/v1/` on, without a path that a proxy has put before it. */
export function toOwnPath(path: string): string {
  return path.slice(Math.max(0, path.lastIndexOf('/v1/')));
}

function findExact(path: string): KnownPath | undefined {
  for (const { pattern, before, after } of finders) {
    if (after === undefined && path === pattern) return { pattern, parameter: '' };
    if (after === undefined || !path.startsWith(before) || !path.endsWith(after)) continue;
    if (path.length > before.length + after.length)
      return { pattern, parameter: path.slice(before.length, path.length - after.length) };
  }
  return undefined;
}
