// What a web server says of a file before it is downloaded: whether it is there, its size, and, from the model
// hub, its SHA-256 (https://huggingface.co/docs/huggingface_hub/package_reference/file_download: the header
// X-Linked-Etag, sent with the redirect to the file's storage).
import { reasonOf, StoreError } from '../errors.ts';
import type { HubAccess } from './hub-url.ts';

/** A file as its server describes it; null where the server does not say. */
export interface PublishedFile {
  readonly sizeBytes: number | null;
  readonly sha256: string | null;
  /** The server's own mark of this version of the file. */
  readonly etag: string | null;
}

const REDIRECTS = 5;
const ANSWER_MILLISECONDS = 30_000;

/**
 * Asks a server about a file, following redirects by hand to see the hub's headers on the way.
 *
 * @throws {StoreError} `source-gone`, `source-refused`, or `interrupted` for what may pass
 */
export async function readPublishedFile(
  url: URL,
  uri: string,
  access: HubAccess,
  signal: AbortSignal | undefined,
): Promise<PublishedFile> {
  const hub = new URL(access.endpoint).origin;
  let sha256: string | null = null;
  let sizeBytes: number | null = null;
  let next = url;
  for (let redirects = 0; redirects <= REDIRECTS; redirects++) {
    const authorization =
      access.token !== null && next.origin === hub ? { authorization: `Bearer ${access.token}` } : {};
    const response = await ask(next, authorization, uri, signal);
    sha256 ??= toSha256(response.headers.get('x-linked-etag'));
    sizeBytes ??= toBytes(response.headers.get('x-linked-size'));
    const location = response.headers.get('location');
    if (response.status < 300 || response.status >= 400 || !location) {
      refuse(response.status, uri);
      return { sizeBytes: sizeBytes ?? sizeOf(response), sha256, etag: response.headers.get('etag') };
    }
    next = new URL(location, next);
  }
  throw new StoreError('source-gone', `${uri} redirects more than ${REDIRECTS} times.`);
}

/** The first byte's request: storage behind signed URLs refuses HEAD. */
async function ask(
  url: URL,
  headers: Record<string, string>,
  uri: string,
  stop: AbortSignal | undefined,
): Promise<Response> {
  const range = { range: 'bytes=0-0', 'accept-encoding': 'identity' };
  try {
    const timeout = AbortSignal.timeout(ANSWER_MILLISECONDS);
    const signal = stop ? AbortSignal.any([stop, timeout]) : timeout;
    const response = await fetch(url, { redirect: 'manual', headers: { ...headers, ...range }, signal });
    await response.body?.cancel();
    return response;
  } catch (error) {
    if (stop?.aborted) throw new StoreError('interrupted', `${uri}: interrupted.`, { cause: error });
    throw new StoreError('interrupted', `${uri} cannot be reached: ${reasonOf(error)}.`, { cause: error });
  }
}

function refuse(status: number, uri: string): void {
  if (status === 404 || status === 410) {
    throw new StoreError('source-gone', `${uri} is not there: the server answered ${status}.`);
  }
  if (status === 401 || status === 403) {
    const advice = 'Accept the model’s licence on its page and set HF_TOKEN, or use another source.';
    throw new StoreError(
      'source-refused',
      `${uri} may not be read: the server answered ${status}. ${advice}`,
    );
  }
  if (status !== 200 && status !== 206) {
    throw new StoreError('interrupted', `${uri} is not served at the moment: the server answered ${status}.`);
  }
}

function sizeOf({ status, headers }: Response): number | null {
  if (status === 206) return toBytes(headers.get('content-range')?.split('/').at(-1) ?? null);
  return headers.get('content-encoding') ? null : toBytes(headers.get('content-length'));
}

function toBytes(text: string | null): number | null {
  return text !== null && /^\d+$/.test(text) ? Number(text) : null;
}

function toSha256(etag: string | null): string | null {
  const [hash] = /[0-9a-f]{64}/.exec(etag?.toLowerCase() ?? '') ?? [];
  return hash ?? null;
}
