// Tortures a server on port 8000 with everything that a stranger can send, and kills its processes. `npm run torture` takes five
// minutes; `-- --short` one, `-- --hours 2` two hours. `-- --seed N` repeats a run's bodies. Ends with 1 when something did not hold.
import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { isLiving } from '../../src/server/process-session.ts';
import { bombs } from '../bombs.ts';
import { type FrontProcess, startFrontProcess } from '../model/front-process.ts';
import { type Case, mutate } from './mutations.ts';
import { abuseNames, sendAbuse } from './raw-http.ts';

const { values } = parseArgs({
  options: {
    short: { type: 'boolean' },
    minutes: { type: 'string' },
    hours: { type: 'string' },
    seed: { type: 'string' },
  },
});
const minutes = values.short ? 1 : values.hours ? 60 * Number(values.hours) : Number(values.minutes ?? 5);
const seed = Number(values.seed ?? Date.now() % 1_000_000);
/** The shares of the time. */
const shares = { bodies: 0.5, secrets: 0.1, aborts: 0.2, kills: 0.2 };
const clients = 8;
/** An answer that takes longer is a hang, in milliseconds. */
const longestAnswer = 60_000;

const reference = {
  prompt: 'The capital of France is',
  max_tokens: 8,
  temperature: 0,
  cache_prompt: 'exact',
};

let front: FrontProcess = await start();
const counts = new Map<string, number>();
const faults: string[] = [];
const count = (name: string, by = 1) => counts.set(name, (counts.get(name) ?? 0) + by);
const fault = (text: string) => {
  count('faults');
  faults.push(text.slice(0, 500));
};
const endOf = (share: number) => performance.now() + share * minutes * 60_000;

function start(): Promise<FrontProcess> {
  return startFrontProcess({ SLOTS: '2', FUNCTION_TIMEOUT: '30', CONTEXT_SIZE: '1024' });
}

const originOf = () => new URL(front.url).origin;

async function post({ path, body }: Case, signal?: AbortSignal): Promise<Response> {
  const limit = AbortSignal.timeout(longestAnswer);
  return fetch(path.startsWith('http') ? path : `${originOf()}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
    signal: signal === undefined ? limit : AbortSignal.any([limit, signal]),
  });
}

async function readReference(): Promise<string> {
  const response = await post({ path: '/v1/completions', body: reference });
  const answer = (await response.json()) as { choices?: { text: string }[] };
  return answer.choices?.[0]?.text ?? `status ${response.status}`;
}

const expected = await readReference();

async function checkReference(after: string): Promise<void> {
  const text = await readReference();
  if (text !== expected) fault(`wrong answer after ${after}: ${JSON.stringify(text)}`);
}

/** Sends bodies with several clients; a status from 500 on that is not said to be the model's fault is a fault. */
async function sendBodies(endAt: number): Promise<void> {
  let round = 0;
  const client = async () => {
    while (performance.now() < endAt) {
      for (const each of mutate(seed + round++, 10)) {
        const throughEmulator = round % 8 === 0;
        await judge(throughEmulator ? { path: front.url, body: each.body } : each);
      }
    }
  };
  await Promise.all(Array.from({ length: clients }, client));
}

async function judge(each: Case): Promise<void> {
  count('bodies');
  try {
    const response = await post(each);
    const text = await response.text();
    count(`status ${response.status}`);
    if (response.status >= 500 && !/invalid_output|deadline_exceeded/.test(text))
      fault(
        `${response.status} to ${each.path} ${JSON.stringify(each.body).slice(0, 300)}: ${text.slice(0, 150)}`,
      );
  } catch (error) {
    fault(`no answer to ${each.path} ${JSON.stringify(each.body).slice(0, 300)}: ${String(error)}`);
  }
}

/** Several keys take turns over the slots and the cache: no secret of one is in an answer, a header, the metrics or the log of all. */
async function plantSecrets(endAt: number): Promise<void> {
  const begun = 'You keep the secrets of those who talk to you, and you never tell them to anybody. ';
  let round = 0;
  const client = async (_: unknown, index: number) => {
    while (performance.now() < endAt) {
      const secret = `zq${index}x${round++}`;
      const response = await fetch(`${originOf()}/v1/chat/completions`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization: `Bearer key-${index}` },
        body: JSON.stringify({
          messages: [{ role: 'user', content: `${begun}My secret is ${secret}. Which secrets do you know?` }],
          max_tokens: 16,
        }),
        signal: AbortSignal.timeout(longestAnswer),
      });
      count('secrets');
      const text = JSON.stringify([...response.headers]) + (await response.text());
      const others = [...text.matchAll(/zq\d+x\d+/g)].filter(([found]) => found !== secret);
      if (others.length > 0) fault(`a secret of another key is in an answer: ${others[0]}`);
    }
  };
  await Promise.all(Array.from({ length: clients }, client));
  const metrics = await (await fetch(`${originOf()}/metrics`)).text();
  if (/zq\d+x\d+/.test(metrics + front.output())) fault('a secret is in the metrics or in the log');
}

async function sendBombs(): Promise<void> {
  for (const each of bombs) {
    count('bombs');
    const response = await post(each);
    await response.text();
    if (!each.statuses.some((status) => status === response.status))
      fault(`${response.status} to the bomb '${each.name}'`);
  }
}

async function sendAbuses(): Promise<void> {
  const port = Number(new URL(front.url).port);
  for (const name of abuseNames) {
    count('abuses');
    const line = await sendAbuse(name, port);
    if (/ 5\d\d /.test(line)) fault(`${line} to '${name}'`);
  }
  await Promise.all(Array.from({ length: 50 }, () => sendAbuse('a body that stops', port)));
  count('abuses', 50);
}

/** Disconnects within answers; then no slot is lost, and answers are what they were. */
async function abort(endAt: number): Promise<void> {
  const body = { prompt: 'Once upon a time', max_tokens: 200, stream: true };
  while (performance.now() < endAt) {
    await Promise.all(
      Array.from({ length: clients }, async (_, index) => {
        const leaving = new AbortController();
        const timer = setTimeout(() => leaving.abort(), ((seed * 31 + index * 97) % 400) + 1);
        count('aborts');
        await post({ path: '/v1/completions', body }, leaving.signal)
          .then(
            (response) => response.text(),
            () => {},
          )
          .catch(() => {});
        clearTimeout(timer);
      }),
    );
    await checkReference('aborts');
  }
}

/** Kills the runtime or the emulator while requests run; only those may fail, and the next ones are answered. */
async function kill(endAt: number): Promise<void> {
  for (let round = 0; performance.now() < endAt; round++) {
    const body = { prompt: 'Once upon a time', max_tokens: 60, ignore_eos: true };
    const answering = Array.from({ length: 4 }, () =>
      post({ path: '/v1/completions', body }).then(
        async (response) => {
          await response.text();
          return response.status;
        },
        () => 0,
      ),
    );
    await delay(100);
    const [pid] = round % 2 === 0 ? front.runtimePids() : front.emulatorPids();
    if (pid !== undefined) process.kill(pid, 'SIGKILL');
    count('kills');
    for (const status of await Promise.all(answering)) count(`status ${status} at a kill`);
    await checkReference('a kill');
  }
}

/** However the front ends, nothing is left of it. */
async function end(): Promise<void> {
  for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
    const processes = front.pids().map((pid) => ({ pid, command: readCommand(pid) }));
    const { code } = await front.end(signal);
    if (signal === 'SIGTERM' && code !== 0) fault(`exit code ${code} at SIGTERM`);
    const listLiving = () => processes.filter(({ pid }) => isLiving(pid));
    for (let tries = 0; tries < 100 && listLiving().length > 0; tries++) await delay(50);
    for (const { command } of listLiving()) fault(`left 5 seconds after ${signal} to the front: ${command}`);
    if (signal === 'SIGTERM') front = await start();
  }
}

function readCommand(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').slice(0, 200);
  } catch {
    return '';
  }
}

console.log(`torture: ${minutes} minutes, seed ${seed}`);
await sendBombs();
await checkReference('bombs');
await sendAbuses();
await checkReference('abuses');
await sendBodies(endOf(shares.bodies));
await checkReference('mutated bodies');
await plantSecrets(endOf(shares.secrets));
await checkReference('secrets');
await abort(endOf(shares.aborts));
await kill(endOf(shares.kills));
await end();
for (const [name, number] of [...counts].sort()) console.log(`torture: ${name}: ${number}`);
for (const text of faults) console.log(`torture: FAULT: ${text}`);
process.exit(faults.length === 0 ? 0 : 1);
