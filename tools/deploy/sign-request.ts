// Signs requests with AWS Signature Version 4, as a Function URL with AWS_IAM requires.
// https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html
import { SignatureV4 } from '@smithy/signature-v4';

/** The region, credentials and hash function of a signature. */
export type Signing = Pick<ConstructorParameters<typeof SignatureV4>[0], 'region' | 'credentials' | 'sha256'>;

/** Returns the headers of a POST with its signature, without `host`: the HTTP client sends that one. */
export async function signPost(
  url: URL,
  headers: Readonly<Record<string, string>>,
  body: string,
  signing: Signing,
): Promise<Readonly<Record<string, string>>> {
  const signer = new SignatureV4({ ...signing, service: 'lambda' });
  const request = await signer.sign({
    method: 'POST',
    protocol: url.protocol,
    hostname: url.hostname,
    path: url.pathname,
    headers: { ...headers, host: url.host },
    body,
  });
  const { host: _, ...signed } = request.headers;
  return signed;
}
