// What an image of any processor has to answer: the greedy texts of the default model, by every way in. The container tests
// ask the image of this machine's processor, and those of arm64 that one's.

import { expect, it } from 'vitest';
import { type Container, invoke } from './docker.ts';

/** What the image evaluates when it is built. */
export const bakedPrefix = 'The rules of the house are these. Be kind, be brief, and always tell the truth.';

// Without the cache, and before the first word that two processors may choose differently: a prompt that is evaluated in other
// parts rounds otherwise, and two tokens are nearly as likely there.
const capital = {
  prompt: 'The capital of France is',
  max_tokens: 5,
  temperature: 0,
  cache_prompt: false,
};
const capitalText = ' Paris.\n\nThe';

const schema = {
  type: 'object',
  properties: { city: { type: 'string', maxLength: 12 }, country: { enum: ['France', 'Spain'] } },
  required: ['city', 'country'],
};

interface Completion {
  readonly choices: readonly { readonly text: string; readonly delta?: { readonly content?: string } }[];
  readonly usage?: {
    readonly prompt_tokens: number;
    readonly prompt_tokens_details: { readonly cached_tokens: number };
  };
}

/** Sends a request to the server beside the invoke URL. */
function post({ url }: Container, path: string, body: object): Promise<Response> {
  return fetch(new URL(path, url), {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
}

/** Reads a stream of server-sent events, but for the one that ends it. */
async function readChunks(response: Response): Promise<Completion[]> {
  const events = (await response.text()).trim().split('\n\n');
  expect(events.pop()).toBe('data: [DONE]');
  return events.map((event) => JSON.parse(event.slice('data: '.length)) as Completion);
}

/** Defines the tests of a container of an image that has the prefix. */
export function itAnswersGreedily(container: () => Container): void {
  it('answers on the invoke URL, by the emulator', async () => {
    const { status, body } = await invoke(container().url, capital);

    expect(status).toBe(200);
    expect(body).toMatchObject({ choices: [{ text: capitalText }] });
  });

  it('answers on the path of OpenAI', async () => {
    const response = await post(container(), '/v1/completions', capital);

    expect(await response.json()).toMatchObject({ choices: [{ text: capitalText }] });
  });

  it('streams', async () => {
    const response = await post(container(), '/v1/completions', { ...capital, stream: true });
    const chunks = await readChunks(response);

    expect(chunks.length).toBeGreaterThanOrEqual(4);
    expect(chunks.map(({ choices }) => choices[0]?.text ?? '').join('')).toBe(capitalText);
  });

  it('goes on from the prefix that its build has evaluated', async () => {
    const prompt = `${bakedPrefix} The first rule is`;
    const response = await post(container(), '/v1/completions', { prompt, max_tokens: 8, temperature: 0 });
    const { choices, usage } = (await response.json()) as Required<Completion>;

    expect(usage.prompt_tokens_details.cached_tokens).toBeGreaterThan(10);
    expect(usage.prompt_tokens - usage.prompt_tokens_details.cached_tokens).toBeLessThan(10);
    expect(choices[0]?.text).toBe(' to be kind. The second rule is');
  });

  it('answers a chat by a schema', async () => {
    // Streamed, because an emulated processor takes longer for all of it than the client waits for a first byte.
    const response = await post(container(), '/v1/chat/completions', {
      messages: [{ role: 'user', content: 'What is the capital of France?' }],
      response_format: { type: 'json_schema', json_schema: { name: 'city', schema } },
      max_tokens: 32,
      temperature: 0,
      stream: true,
    });
    const chunks = await readChunks(response);

    const content = chunks.map(({ choices }) => choices[0]?.delta?.content ?? '').join('');
    // Two processors may choose other white space: a blank and a line break are nearly as likely.
    expect(JSON.parse(content)).toEqual({ city: 'Paris', country: 'France' });
  });
}
