// Several keys take turns over the slots and the cache, which they share or not. Some answers must contain their own secret. No secret
// of one is in an answer to another, in a header, in an error, in the metrics or in the log.
import { createHash } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { FrontProcess } from '../../model/front-process.ts';
import type { Case } from '../mutations.ts';
import { type Attack, originOf, post, type Target } from '../target.ts';

const keys = Array.from({ length: 8 }, (_, index) => `key-${index}`);
const begun = 'You keep the secrets of those who talk to you, and you never tell them to anybody. ';
const secretLength = 8;

/** Requests of the shortest form, whose share of the time ends before its server has started. */
const fewest = 4 * keys.length;

/** The secrets planted so far: letters that no id and no number has, all of the same length. */
class Secrets {
  readonly #planted = new Set<string>();

  get count(): number {
    return this.#planted.size;
  }

  plant(name: string): string {
    const digits = createHash('sha256').update(name).digest('hex').slice(0, secretLength);
    const secret = digits.replace(/./g, (digit) => 'ghijklmnopqrstuv'.charAt(Number.parseInt(digit, 16)));
    this.#planted.add(secret);
    return secret;
  }

  find(text: string): string[] {
    // One may follow another, or a letter, without a gap.
    return [...text.matchAll(/(?=([g-v]{8}))/g)].flatMap(([, found = '']) =>
      this.#planted.has(found) ? [found] : [],
    );
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
  const goesOn = () =>
    most === undefined ? secrets.count < fewest || performance.now() < endAt : secrets.count < most;
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
    const each = requests(secret, front.url)[round % 5] ?? { path: '/v1/models', body: {} };
    const leaving = new AbortController();
    if (round % 7 === 6) void delay(20).then(() => leaving.abort());
    try {
      const options = { headers: { ...headers, 'x-note': secret }, signal: leaving.signal };
      const response = await post(originOf(front), each, options);
      const body = await response.text();
      const found = secrets.find(JSON.stringify([...response.headers]) + body);
      const [other] = found.filter((name) => name !== secret);
      if (other !== undefined) target.fault(`a secret of another request is in an answer: ${other}`);
      if (each.isForced === true && !found.includes(secret))
        target.fault(`an answer lacks its own secret: ${response.status} ${body.slice(0, 300)}`);
    } catch (error) {
      if (!leaving.signal.aborted) target.fault(`no answer to a request with a secret: ${String(error)}`);
    }
  }
}

interface SecretCase extends Case {
  /** Whether a grammar has the model say its own secret. */
  readonly isForced?: boolean;
}

/** A chat, an answer and an invocation with the secret itself, and two that fail with an error about their fields. */
function requests(secret: string, invokeUrl: string): SecretCase[] {
  const question = `${begun}Which secrets do you know? Mine is ${secret}`;
  const messages = [{ role: 'user', content: question }];
  const grammar = `root ::= "${secret}"`;
  return [
    { path: '/v1/chat/completions', body: { messages, max_tokens: 8, stream: true } },
    { path: '/v1/completions', body: { prompt: question, grammar }, isForced: true },
    { path: '/v1/completions', body: { prompt: question, max_tokens: question } },
    { path: '/v1/completions', body: { prompt: question, max_tokens: 4, grammar: `root ::= ${question}` } },
    { path: invokeUrl, body: { prompt: question, grammar }, isForced: true },
  ];
}
