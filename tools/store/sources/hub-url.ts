// What a URI of the model hub, or of any web server, means as a URL, and what the hub wants to see.
import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { StoreError } from '../errors.ts';

/** Where the hub is and who asks. */
export interface HubAccess {
  /** The hub's base URL, with a slash at its end. */
  readonly endpoint: string;
  readonly token: string | null;
}

const LOOPBACK = new Set(['localhost', '127.0.0.1', '[::1]']);

/**
 * The hub's address and token as its own tools read them: `MODEL_ENDPOINT` or `HF_ENDPOINT`, and `HF_TOKEN`
 * or the token file of `hf auth login`.
 */
export async function readHubAccess(env: Readonly<Record<string, string | undefined>>): Promise<HubAccess> {
  const endpoint = env.MODEL_ENDPOINT || env.HF_ENDPOINT || 'https://huggingface.co/';
  const home = env.HF_HOME || join(env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'huggingface');
  const tokenFile = env.HF_TOKEN_PATH || join(home, 'token');
  const token = env.HF_TOKEN || (await readFile(tokenFile, 'utf8').catch(() => '')).trim();
  return { endpoint: endpoint.endsWith('/') ? endpoint : `${endpoint}/`, token: token || null };
}

/**
 * The URL that serves a source's bytes.
 *
 * @throws {StoreError} `unusable-source` for a URI without a file, or plain http: to another machine
 */
export function toDownloadUrl(uri: string, endpoint: string): URL {
  if (uri.startsWith('hf:')) return fromHubUri(uri, endpoint);
  const url = URL.canParse(uri) ? new URL(uri) : undefined;
  if (!url || url.pathname.endsWith('/')) {
    throw new StoreError(
      'unusable-source',
      `${uri} does not name a file: expected https://host/path/file.gguf.`,
    );
  }
  if (url.protocol === 'http:' && !LOOPBACK.has(url.hostname)) {
    throw new StoreError('unusable-source', `${uri} is not encrypted: use https:.`);
  }
  return url;
}

function fromHubUri(uri: string, endpoint: string): URL {
  const [, user, model, path, branch = 'main'] =
    /^hf:([^/#]+)\/([^/#:]+)\/([^#]+\.gguf)(?:#(.+))?$/i.exec(uri) ?? [];
  if (user === undefined || model === undefined || path === undefined) {
    throw new StoreError('unusable-source', `${uri} does not name a file: expected hf:user/model/file.gguf.`);
  }
  const segments = [user, model, 'resolve', branch, ...path.split('/')].map(encodeURIComponent);
  return new URL(segments.join('/'), endpoint);
}
