// AWS Signature Version 4, which a Function URL with AWS_IAM asks for.
// https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html
import { SignatureV4 } from '@smithy/signature-v4';

/** Whose signature it is, where it is valid, and what computes it. */
export type Signing = Pick<ConstructorParameters<typeof SignatureV4>[0], 'region' | 'credentials' | 'sha256'>;

/** The headers of a POST with their signature; that of the host is left to whoever sends it. */
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
