// A webhook that answers with a summary: POST a text to it. It gives up when its own caller does.
// With STREAM_URL it calls a private Function URL, signed.
import { createServer } from 'node:http';
import { text } from 'node:stream/consumers';
import OpenAI from 'openai';

const { BASE_URL, STREAM_URL, API_KEY: apiKey = 'none' } = process.env;
const client = STREAM_URL
  ? new OpenAI({
      baseURL: `${STREAM_URL}v1`,
      apiKey,
      fetch: (await import('./signing-fetch.mjs')).signingFetch,
    })
  : new OpenAI({ baseURL: BASE_URL ?? 'http://127.0.0.1:8000/v1', apiKey });

const server = createServer(async (request, response) => {
  const left = new AbortController();
  response.once('close', () => left.abort());
  try {
    const answer = await client.chat.completions.create(
      {
        model: 'any',
        messages: [
          { role: 'system', content: 'Summarise the text in one sentence.' },
          { role: 'user', content: await text(request) },
        ],
        max_tokens: 60,
        temperature: 0,
      },
      { signal: left.signal },
    );
    response.end(`${answer.choices[0].message.content}\n`);
  } catch (error) {
    response.writeHead(502).end(`${error.message}\n`);
  }
});

server.listen(Number(process.env.PORT ?? 3000), '127.0.0.1', () => {
  console.log(`http://127.0.0.1:${server.address().port}`);
});
