// Starts the server on a free port, with two clients: OpenAI's client for Node, and plain HTTP for requests
// that OpenAI's client cannot send.
import OpenAI from 'openai';
import { model } from '../model/default-model.ts';
import { startFrontProcess } from '../model/front-process.ts';
import { readPieces, toEvents } from '../model/streamed-answer.ts';

/** A JSON answer. */
export interface Answer<Body> {
  readonly status: number;
  readonly body: Body;
}

export interface TestServer {
  /** `http://127.0.0.1:PORT`. */
  readonly origin: string;
  /** Has no retries. */
  readonly client: OpenAI;
  get<Body>(path: string): Promise<Answer<Body>>;
  /** Reads one number of `/metrics`. Returns 0 if it is absent. */
  metric(name: string): Promise<number>;
  post<Body>(path: string, request: object, signal?: AbortSignal): Promise<Answer<Body>>;
  /**
   * Reads the chunks of a streamed answer.
   *
   * @throws when the answer is not a stream, contains an error, or does not end with `[DONE]`
   */
  stream<Chunk>(path: string, request: object): Promise<Chunk[]>;
  end(): Promise<void>;
}

/** Starts the server and waits until it has loaded the model. */
export async function startTestServer(env: NodeJS.ProcessEnv = {}): Promise<TestServer> {
  // One thread: two wait for each other, and are many times slower when another process takes a core.
  const front = await startFrontProcess({ THREADS: '1', ...env });
  const { origin } = new URL(front.url);
  const apiKey = env.API_KEY ?? 'none';
  const headers = { 'content-type': 'application/json', authorization: `Bearer ${apiKey}` };
  const post = (path: string, request: object, signal: AbortSignal | null = null) =>
    fetch(`${origin}${path}`, { method: 'POST', headers, body: JSON.stringify(request), signal });
  return {
    origin,
    client: new OpenAI({ baseURL: `${origin}/v1`, apiKey, maxRetries: 0 }),
    get: async (path) => toAnswer(await fetch(`${origin}${path}`, { headers })),
    metric: async (name) => {
      const text = await (await fetch(`${origin}/metrics`, { headers })).text();
      const line = text.split('\n').find((each) => each.startsWith(`gguf_lambda_${name} `));
      return Number(line?.split(' ')[1] ?? 0);
    },
    post: async (path, request, signal) => toAnswer(await post(path, request, signal)),
    stream: async <Chunk>(path: string, request: object) => {
      const response = await post(path, { ...request, stream: true });
      if (!response.ok || response.body === null) throw new Error(await response.text());
      const events = toEvents(await readPieces(response.body, performance.now()));
      const failed = events.find(({ name }) => name !== undefined);
      if (failed !== undefined) throw new Error(failed.data);
      if (events.pop()?.data !== '[DONE]') throw new Error('The stream does not end with [DONE].');
      return events.map(({ data }) => JSON.parse(data) as Chunk);
    },
    end: async () => void (await front.end('SIGTERM')),
  };
}

async function toAnswer<Body>(response: Response): Promise<Answer<Body>> {
  return { status: response.status, body: (await response.json()) as Body };
}

/** Groups items by their index. */
export function groupByIndex<Item extends { readonly index: number }>(items: readonly Item[]): Item[][] {
  const count = Math.max(-1, ...items.map(({ index }) => index)) + 1;
  return Array.from({ length: count }, (_, place) => items.filter(({ index }) => index === place));
}

export { model };
