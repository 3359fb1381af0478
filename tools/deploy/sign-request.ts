// Signs requests with AWS Signature Version 4, as a Function URL with AWS_IAM requires.
// https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html
import { SignatureV4 } from '@smithy/signature-v4';

/** The region, credentials and hash function of a signature. */
export type Signing = Pick<ConstructorParameters<typeof SignatureV4>[0], 'region' | 'credentials' | 'sha256'>;

interface UnsignedRequest {
  readonly method: string;
  /** Its query must be encoded as `encodeURIComponent` does. */
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Uint8Array;
}

/**
 * Returns the headers of a request with its signature, without `host`: the HTTP client sends that one. Only `host` and
 * Amazon's own headers are signed: a proxy may change the others.
 */
export async function signRequest(
  { method, url, headers, body }: UnsignedRequest,
  signing: Signing,
): Promise<Readonly<Record<string, string>>> {
  const signer = new SignatureV4({ ...signing, service: 'lambda' });
  const signed = await signer.sign({
    method,
    protocol: url.protocol,
    hostname: url.hostname,
    path: url.pathname,
    query: toQuery(url.searchParams),
    headers: { host: url.host },
    body,
  });
  const { host: _, ...signature } = signed.headers;
  return { ...headers, ...signature };
}

function toQuery(parameters: URLSearchParams): Record<string, string[]> {
  return Object.fromEntries([...new Set(parameters.keys())].map((name) => [name, parameters.getAll(name)]));
}
