// Cross-origin resource sharing (CORS): decides which web pages may send requests.
// https://fetch.spec.whatwg.org/#http-cors-protocol
import { ConfigurationError, type Environment, readText } from '../config/environment.ts';
import type { HttpRequest, HttpResponse } from './http.ts';

const anyOrigin = '*';
const expected =
  "'*', or the exact origins of web pages separated by commas, such as https://chat.example.com";

/** Browsers hide these headers from a page unless they are exposed. The clients of OpenAI and Anthropic read the first three. */
const exposedHeaders = 'x-request-id, request-id, retry-after, x-ignored-fields';

/** A browser caches a preflight for this many seconds. It is Chromium's maximum. */
const preflightSeconds = 7200;

/** A list of header names separated by commas. */
const headerNames = /^[\w!#$%&'*+.^`|~-]+(?:\s*,\s*[\w!#$%&'*+.^`|~-]+)*$/;

/**
 * CORS_ORIGINS: the origins whose pages may call, separated by commas, or `*`.
 *
 * @throws {ConfigurationError} when a part of it is not an origin
 */
export function readCors(env: Environment): Cors | undefined {
  return Cors.parse(readText(env, 'CORS_ORIGINS', undefined));
}

/** The origins that may send requests. Cookies are never allowed, because clients send a bearer key. */
export class Cors {
  readonly #origins: ReadonlySet<string>;

  private constructor(origins: ReadonlySet<string>) {
    this.#origins = origins;
  }

  /**
   * Parses a list of origins, or `*` for all. Returns `undefined` for a blank text: browsers block all pages.
   *
   * @throws {ConfigurationError} when a part of the list is not an origin, such as a URL with a path
   */
  static parse(text: string | undefined): Cors | undefined {
    if (text === undefined || text.trim() === '') return undefined;
    if (text.trim() === anyOrigin) return new Cors(new Set([anyOrigin]));
    const origins = text.split(',').map((part) => {
      const origin = toOrigin(part.trim());
      if (origin === undefined) throw new ConfigurationError('CORS_ORIGINS', text, expected);
      return origin;
    });
    return new Cors(new Set(origins));
  }

  /**
   * Answers a preflight from an allowed origin. `methods` are the methods of the path. Returns `undefined`
   * for any other request.
   */
  preflight({ method, headers }: HttpRequest, methods: readonly string[]): HttpResponse<string> | undefined {
    const origin = this.#allowed(headers.origin);
    if (method !== 'OPTIONS' || headers['access-control-request-method'] === undefined || !origin) {
      return undefined;
    }
    const requested = headers['access-control-request-headers'] ?? '';
    return {
      status: 204,
      headers: {
        'access-control-allow-origin': origin,
        'access-control-allow-methods': methods.join(', '),
        // Allows all requested headers: OpenAI's client sends a dozen, and `*` does not cover
        // `authorization`.
        'access-control-allow-headers': headerNames.test(requested)
          ? requested
          : 'authorization, x-api-key, content-type',
        'access-control-max-age': String(preflightSeconds),
        ...this.#vary,
      },
      body: '',
    };
  }

  /** The headers of every response, errors and what the front answers included. */
  headers({
    headers,
  }: {
    readonly headers: { readonly origin?: string | undefined };
  }): Record<string, string> {
    const origin = this.#allowed(headers.origin);
    if (!origin) return this.#vary;
    return {
      'access-control-allow-origin': origin,
      'access-control-expose-headers': exposedHeaders,
      ...this.#vary,
    };
  }

  /** Whether pages of an origin may send requests. */
  allows(origin: string): boolean {
    return this.#allowed(origin) !== undefined;
  }

  #allowed(origin: string | undefined): string | undefined {
    if (this.#origins.has(anyOrigin)) return anyOrigin;
    return origin !== undefined && this.#origins.has(origin) ? origin : undefined;
  }

  /** A cache may share a response between origins only if all origins are allowed. */
  get #vary(): Record<string, string> {
    return this.#origins.has(anyOrigin) ? {} : { vary: 'origin' };
  }
}

/** Normalizes an origin as browsers do: lower case, without the default port. */
function toOrigin(text: string): string | undefined {
  const url = /^[a-z][a-z\d+.-]*:\/\/[^\s/?#@*\\]+$/i.test(text) ? URL.parse(text) : null;
  if (url === null) return undefined;
  // URL has the origin 'null' for other schemes, such as that of a browser extension.
  return url.origin === 'null' ? `${url.protocol}//${url.host}`.toLowerCase() : url.origin;
}
