// Several keys take turns over the slots and the cache, which they share or not. No secret of one is in an answer to another, in a header, in an error, in
// the metrics or in the log.
import { createHash } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { FrontProcess } from '../../model/front-process.ts';
import { type Attack, originOf, post, type Target } from '../target.ts';

const keys = Array.from({ length: 8 }, (_, index) => `key-${index}`);
const begun = 'You keep the secrets of those who talk to you, and you never tell them to anybody. ';

/** The secrets planted so far. All have the same length, so none is the beginning of another. */
class Secrets {
  readonly #planted = new Set<string>();

  get count(): number {
    return this.#planted.size;
  }

  plant(name: string): string {
    const secret = createHash('sha256').update(name).digest('hex').slice(0, 12);
    this.#planted.add(secret);
    return secret;
  }

  find(text: string): string[] {
    return (text.match(/(?=[0-9a-f]{12})[0-9a-f]+/g) ?? []).filter((found) => this.#planted.has(found));
  }
}

/**
 * @param scope CACHE_SCOPE
 * @param most ends the attack after so many requests, instead of its share of the time
 */
export function plantSecrets(scope: 'all' | 'key', most: number | undefined): Attack {
  const name = scope === 'all' ? 'secrets' : 'secrets with a cache of each key';
  return { name, share: 0.05, run: (target, endAt) => run(target, { name, scope, most, endAt }) };
}

interface Plan {
  readonly name: string;
  readonly scope: string;
  readonly most: number | undefined;
  readonly endAt: number;
}

async function run(target: Target, { name, scope, most, endAt }: Plan): Promise<void> {
  const secrets = new Secrets();
  const front = await target.startAnother({
    API_KEYS: keys.join(','),
    CACHE_SCOPE: scope,
    NODE_DEBUG: 'gguf-lambda',
  });
  const goesOn = () => (most === undefined ? performance.now() < endAt : secrets.count < most);
  await Promise.all(keys.map((key, index) => talk({ target, front, secrets, key, index, goesOn })));
  target.count(`requests: ${name}`, secrets.count);
  const authorization = `Bearer ${keys[0]}`;
  const metrics = await fetch(`${originOf(front)}/metrics`, { headers: { authorization } });
  if (secrets.find(await metrics.text()).length > 0) target.fault('a secret is in the metrics');
  await front.end('SIGTERM');
  if (secrets.find(front.output()).length > 0) target.fault('a secret is in the log');
}

interface Caller {
  readonly target: Target;
  readonly front: FrontProcess;
  readonly secrets: Secrets;
  readonly key: string;
  readonly index: number;
  readonly goesOn: () => boolean;
}

async function talk({ target, front, secrets, key, index, goesOn }: Caller): Promise<void> {
  const headers = { authorization: `Bearer ${key}` };
  for (let round = 0; goesOn(); round++) {
    const secret = secrets.plant(`${target.seed} ${index} ${round}`);
    const question = `${begun}My secret is ${secret}. Which secrets do you know?`;
    const each = requests(question, front.url)[round % 5] ?? { path: '/v1/models', body: {} };
    const leaving = new AbortController();
    if (round % 7 === 6) void delay(20).then(() => leaving.abort());
    try {
      const options = { headers: { ...headers, 'x-note': secret }, signal: leaving.signal };
      const response = await post(originOf(front), each, options);
      const text = JSON.stringify([...response.headers]) + (await response.text());
      const others = secrets.find(text).filter((found) => found !== secret);
      if (others.length > 0) target.fault(`a secret of another request is in an answer: ${others[0]}`);
    } catch (error) {
      if (!leaving.signal.aborted) target.fault(`no answer to a request with a secret: ${String(error)}`);
    }
  }
}

/** A chat, a stream, two that fail with an error about their fields, and one through the emulator. */
function requests(question: string, invokeUrl: string) {
  const messages = [{ role: 'user', content: question }];
  return [
    { path: '/v1/chat/completions', body: { messages, max_tokens: 16 } },
    { path: '/v1/chat/completions', body: { messages, max_tokens: 16, stream: true } },
    { path: '/v1/completions', body: { prompt: question, max_tokens: question } },
    { path: '/v1/completions', body: { prompt: question, max_tokens: 4, grammar: `root ::= ${question}` } },
    { path: invokeUrl, body: { prompt: question, max_tokens: 8 } },
  ];
}
