// An OpenAI client for a private Function URL, with the AWS credentials of its process.
// npm install openai @aws-sdk/credential-provider-node @smithy/core @smithy/signature-v4
import { defaultProvider } from '@aws-sdk/credential-provider-node';
import { Sha256 } from '@smithy/core/checksum';
import { SignatureV4 } from '@smithy/signature-v4';
import OpenAI from 'openai';

const { AWS_REGION: region = '', STREAM_URL: streamUrl = '' } = process.env;

// Three lines: a signer, a fetch that signs, and a client that uses it. The signature takes the place of the key.
const signer = new SignatureV4({ service: 'lambda', region, credentials: defaultProvider(), sha256: Sha256 });
const signingFetch = async (url, init) => fetch(url, { ...init, headers: await sign(new URL(url), init) });
const client = new OpenAI({ baseURL: `${streamUrl}v1`, apiKey: 'none', fetch: signingFetch });

async function sign({ protocol, hostname, host, pathname, searchParams }, { method = 'GET', headers, body }) {
  const query = Object.fromEntries(searchParams);
  const request = { method, protocol, hostname, path: pathname, query, headers: { host }, body };
  const { host: _, ...signature } = (await signer.sign(request)).headers;
  return { ...Object.fromEntries(new Headers(headers)), ...signature };
}

const messages = [{ role: 'user', content: 'What is the capital of France?' }];
const stream = await client.chat.completions.create({ model: 'any', messages, stream: true });
for await (const { choices } of stream) process.stdout.write(choices[0]?.delta.content ?? '');
process.stdout.write('\n');
