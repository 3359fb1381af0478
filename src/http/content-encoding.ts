// Decompresses request bodies, with a bound on what they become.
import { RequestError } from '../errors/request-error.ts';
import type { HttpRequest } from './http.ts';

/** The largest accepted body, in bytes, before and after its decompression. A buffered invocation has at most 6 MiB. */
const maxBodyBytes = 4 * 1024 * 1024;

/** The most encodings of one body. */
const mostEncodings = 3;

/** The supported encodings. */
const encodings = ['gzip', 'x-gzip', 'deflate', 'br', 'zstd'] as const;

type Encoding = (typeof encodings)[number];

/**
 * Returns the request with its body as the client wrote it.
 *
 * @throws {RequestError} `request_too_large` when the body is too large, compressed or not; `unsupported_media_type`
 * for an unknown encoding; `invalid_value` when the body is not in that encoding
 */
export async function decodeBody(request: HttpRequest): Promise<HttpRequest> {
  assertSize(request.body.byteLength);
  const { 'content-encoding': header, ...headers } = request.headers;
  if (header === undefined || request.body.byteLength === 0) return request;
  const names = header.split(',', mostEncodings + 1).map((name) => name.trim().toLowerCase());
  if (names.length > mostEncodings)
    throw new RequestError('unsupported_media_type', `The body has more than ${mostEncodings} encodings.`);
  const applied = names.filter((name) => name !== '' && name !== 'identity').map(toEncoding);
  const zlib = await import('node:zlib');
  // The last encoding was applied last.
  const body = applied.reduceRight((inner, encoding) => decompress(inner, encoding, zlib), request.body);
  return { ...request, headers, body };
}

function toEncoding(name: string): Encoding {
  const encoding = encodings.find((each) => each === name);
  if (encoding !== undefined) return encoding;
  throw new RequestError(
    'unsupported_media_type',
    `Unsupported content-encoding. Use ${encodings.join(', ')} or none.`,
    { headers: { 'accept-encoding': encodings.join(', ') } },
  );
}

function decompress(body: Uint8Array, encoding: Encoding, zlib: typeof import('node:zlib')): Uint8Array {
  try {
    return decompressorOf(encoding, body, zlib)(body, { maxOutputLength: maxBodyBytes });
  } catch (error) {
    if ((error as { code?: unknown }).code === 'ERR_BUFFER_TOO_LARGE') assertSize(Number.POSITIVE_INFINITY);
    throw new RequestError('invalid_value', `The request body is not valid ${encoding}.`);
  }
}

/** Synchronous ones: the pool of threads has one thread, which the runtime may occupy. 4 MB take milliseconds. */
function decompressorOf(encoding: Encoding, body: Uint8Array, zlib: typeof import('node:zlib')) {
  switch (encoding) {
    case 'gzip':
    case 'x-gzip':
      return zlib.gunzipSync;
    case 'deflate':
      return hasZlibHeader(body) ? zlib.inflateSync : zlib.inflateRawSync;
    case 'br':
      return zlib.brotliDecompressSync;
    case 'zstd':
      return zlib.zstdDecompressSync;
    default:
      throw encoding satisfies never;
  }
}

/** Some clients send "deflate" without the header of zlib (RFC 1950, section 2.2). */
function hasZlibHeader([first = 0, second = 0]: Uint8Array): boolean {
  return (first & 0x0f) === 8 && (first * 256 + second) % 31 === 0;
}

function assertSize(bytes: number): void {
  if (bytes <= maxBodyBytes) return;
  const actual = Number.isFinite(bytes)
    ? `${bytes} bytes`
    : `more than ${maxBodyBytes} bytes when decompressed`;
  throw new RequestError(
    'request_too_large',
    `The request body has ${actual}. Send at most ${maxBodyBytes} bytes.`,
  );
}
