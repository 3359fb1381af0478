// An OpenAI client for a private Function URL, with the AWS credentials of its process.
import OpenAI from 'openai';
import { signingFetch } from './signing-fetch.mjs';

// The signature takes the place of the key.
const client = new OpenAI({ baseURL: `${process.env.STREAM_URL}v1`, apiKey: 'none', fetch: signingFetch });

const messages = [{ role: 'user', content: 'What is the capital of France?' }];
const stream = await client.chat.completions.create({ model: 'any', messages, stream: true });
for await (const { choices } of stream) process.stdout.write(choices[0]?.delta.content ?? '');
process.stdout.write('\n');
