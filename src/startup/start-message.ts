// What the server prints when it is ready: where it answers, with which model, and a request to try.

export interface StartMessage {
  readonly handler: string;
  /** Where it is reached from this machine, without a path. */
  readonly url: string;
  readonly invokePath: string;
  /** The address that it listens on. */
  readonly host: string;
  /** How an API key is named in the request to try; undefined where none is asked for. */
  readonly keyName: string | undefined;
  /** What the function was loaded with, a line each. */
  readonly description: readonly string[];
}

const rule = '─'.repeat(78);
// Without a system message, small models answer a question with anything but its answer.
const system = '{"role": "system", "content": "You answer in one short sentence."}';
const user = '{"role": "user", "content": "What is the capital of France?"}';
const chat = `{"messages": [${system}, ${user}], "max_tokens": 64}`;
const json = "-H 'content-type: application/json'";

/**
 * A server on every address does not know by which one it is reached: a container's port is published under another number, and
 * no URL is printed then.
 */
export function toStartMessage(message: StartMessage): string {
  const { handler, url, invokePath, host, keyName, description } = message;
  const { port } = new URL(url);
  const isEverywhere = host === '0.0.0.0' || host === '::';
  const base = isEverywhere ? 'http://HOST:PORT' : url;
  const key = keyName === undefined ? '' : ` -H "authorization: Bearer ${keyName}"`;
  const where = isEverywhere
    ? [
        `gguf-lambda: ${handler} answers at port ${port} of every address of this machine.`,
        'In a container, HOST:PORT is the address and port that it is published on.',
      ]
    : [`gguf-lambda: ${handler} answers at ${url}${invokePath}`];
  return [
    rule,
    ...where,
    `OpenAI base URL: ${base}/v1`,
    `Playground: ${base}/`,
    ...description,
    'Try it:',
    `  curl -s ${base}/v1/chat/completions ${json}${key} -d '${chat}'`,
    rule,
  ].join('\n');
}
