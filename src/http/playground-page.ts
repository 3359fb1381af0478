// The playground: the page at `/` for people, one file that the build writes.
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';

export interface PlaygroundPage {
  readonly html: string;
  /** With names in lower case. */
  readonly headers: Readonly<Record<string, string>> & { readonly 'content-type': string };
}

let page: Promise<PlaygroundPage> | undefined;

/**
 * Reads the page at its first request.
 *
 * @param file - the page of this process; it has only one
 * @throws when the file cannot be read; the next request tries again
 */
export function readPlayground(file: string): Promise<PlaygroundPage> {
  page ??= readPage(file).catch((error: unknown) => {
    page = undefined;
    throw error;
  });
  return page;
}

async function readPage(file: string): Promise<PlaygroundPage> {
  const html = await readFile(file, 'utf8');
  return {
    html,
    headers: {
      'content-type': 'text/html; charset=utf-8',
      'content-security-policy': toPolicy(html),
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
      'cache-control': 'no-cache',
      vary: 'accept',
    },
  };
}

/** The page runs its own script and style and nothing else, and asks only the server that it came from. */
function toPolicy(html: string): string {
  const hashes = (tag: string) =>
    [...html.matchAll(new RegExp(`<${tag}>(.*?)</${tag}>`, 'gs'))]
      .map(([, text = '']) => `'sha256-${createHash('sha256').update(text).digest('base64')}'`)
      .join(' ');
  return [
    "default-src 'none'",
    `script-src ${hashes('script')}`,
    `style-src ${hashes('style')}`,
    'img-src data:',
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; ');
}
