// Cross-origin requests: which web pages may read the answers.
// https://fetch.spec.whatwg.org/#http-cors-protocol
import { ConfigurationError } from '../config/environment.ts';
import type { HttpRequest, HttpResponse } from './http.ts';

const anyOrigin = '*';
const expected =
  "'*', or the exact origins of web pages with commas between them, such as https://chat.example.com";

/** What browsers keep from a page unless it is named; OpenAI's client reads both. */
const exposedHeaders = 'x-request-id, retry-after';

/** Seconds for which a browser need not ask again; Chromium takes no more. */
const preflightSeconds = 7200;

/** Names of headers with commas between them, as a browser lists those that a page sets. */
const headerNames = /^[\w!#$%&'*+.^`|~-]+(?:\s*,\s*[\w!#$%&'*+.^`|~-]+)*$/;

/** The origins that may call. Pages send a bearer key, never cookies: those are not allowed to any. */
export class Cors {
  readonly #origins: ReadonlySet<string>;

  private constructor(origins: ReadonlySet<string>) {
    this.#origins = origins;
  }

  /**
   * Reads a list of origins. Without one there are no CORS headers, and browsers let no other origin's page call.
   *
   * @throws {ConfigurationError} when a part of it is no origin, such as an address with a path
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
   * The answer to a browser that asks whether a page may send a request; `methods` are those of the path. Nothing
   * when that is not what is asked, or the page may not: the request is then answered as any other.
   */
  preflight({ method, headers }: HttpRequest, methods: readonly string[]): HttpResponse<string> | undefined {
    const origin = this.#allowed(headers.origin);
    if (method !== 'OPTIONS' || headers['access-control-request-method'] === undefined || !origin) {
      return undefined;
    }
    const asked = headers['access-control-request-headers'] ?? '';
    return {
      status: 204,
      headers: {
        'access-control-allow-origin': origin,
        'access-control-allow-methods': methods.join(', '),
        // Whatever is asked for, for OpenAI's client sends a dozen; the wildcard would not hold for `authorization`.
        'access-control-allow-headers': headerNames.test(asked) ? asked : 'authorization, content-type',
        'access-control-max-age': String(preflightSeconds),
        ...this.#vary,
      },
      body: '',
    };
  }

  /** What every other answer needs, errors too. */
  headers({ headers }: HttpRequest): Record<string, string> {
    const origin = this.#allowed(headers.origin);
    if (!origin) return this.#vary;
    return {
      'access-control-allow-origin': origin,
      'access-control-expose-headers': exposedHeaders,
      ...this.#vary,
    };
  }

  #allowed(origin: string | undefined): string | undefined {
    if (this.#origins.has(anyOrigin)) return anyOrigin;
    return origin !== undefined && this.#origins.has(origin) ? origin : undefined;
  }

  /** A cache may give one origin's answer to another only where all get the same. */
  get #vary(): Record<string, string> {
    return this.#origins.has(anyOrigin) ? {} : { vary: 'origin' };
  }
}

/** An origin as browsers write it: lower case, without the scheme's own port. */
function toOrigin(text: string): string | undefined {
  const url = /^[a-z][a-z\d+.-]*:\/\/[^\s/?#@*\\]+$/i.test(text) ? URL.parse(text) : null;
  if (url === null) return undefined;
  // Of other schemes, such as an extension's, URL gives no origin.
  return url.origin === 'null' ? `${url.protocol}//${url.host}`.toLowerCase() : url.origin;
}
