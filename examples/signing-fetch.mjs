// A fetch that signs requests to a private Function URL, with the AWS credentials of its process.
// npm install @aws-sdk/credential-provider-node @smithy/core @smithy/signature-v4
import { defaultProvider } from '@aws-sdk/credential-provider-node';
import { Sha256 } from '@smithy/core/checksum';
import { SignatureV4 } from '@smithy/signature-v4';

const { AWS_REGION: region = '' } = process.env;
const signer = new SignatureV4({ service: 'lambda', region, credentials: defaultProvider(), sha256: Sha256 });

export const signingFetch = async (url, init) =>
  fetch(url, { ...init, headers: await sign(new URL(url), init) });

async function sign({ protocol, hostname, host, pathname, searchParams }, { method = 'GET', headers, body }) {
  const query = Object.fromEntries(searchParams);
  const request = { method, protocol, hostname, path: pathname, query, headers: { host }, body };
  const { host: _, ...signature } = (await signer.sign(request)).headers;
  return { ...Object.fromEntries(new Headers(headers)), ...signature };
}
