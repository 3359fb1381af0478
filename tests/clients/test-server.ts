// The front on a free port, and two ways to ask it: OpenAI's client for Node, and plain HTTP for what that client
// has no words for.
import OpenAI from 'openai';
import { model } from '../model/default-model.ts';
import { startFrontProcess } from '../model/front-process.ts';
import { readPieces, toEvents } from '../model/streamed-answer.ts';

/** An answer in JSON. */
export interface Answer<Body> {
  readonly status: number;
  readonly body: Body;
}

export interface TestServer {
  /** `http://127.0.0.1:PORT`. */
  readonly origin: string;
  /** Asks nothing twice. */
  readonly client: OpenAI;
  get<Body>(path: string): Promise<Answer<Body>>;
  /** One number of `/metrics`; 0 where there is none. */
  metric(name: string): Promise<number>;
  post<Body>(path: string, request: object, signal?: AbortSignal): Promise<Answer<Body>>;
  /**
   * The chunks of a streamed answer.
   *
   * @throws when it is no stream, has an error in it, or does not end in `[DONE]`
   */
  stream<Chunk>(path: string, request: object): Promise<Chunk[]>;
  end(): Promise<void>;
}

/** Starts the front and waits until it has loaded the model. */
export async function startTestServer(env: NodeJS.ProcessEnv = {}): Promise<TestServer> {
  // Two threads wait for each other: where another process takes a core, both are many times slower than one.
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
      if (events.pop()?.data !== '[DONE]') throw new Error('The stream does not end in [DONE].');
      return events.map(({ data }) => JSON.parse(data) as Chunk);
    },
    end: async () => void (await front.end('SIGTERM')),
  };
}

async function toAnswer<Body>(response: Response): Promise<Answer<Body>> {
  return { status: response.status, body: (await response.json()) as Body };
}

/** A list's items by a number that each of them has, which counts from 0. */
export function groupByIndex<Item extends { readonly index: number }>(items: readonly Item[]): Item[][] {
  const count = Math.max(-1, ...items.map(({ index }) => index)) + 1;
  return Array.from({ length: count }, (_, place) => items.filter(({ index }) => index === place));
}

export { model };
