// 200 clients at once that try again when they are told to, and then ten times as many requests as may wait.
import { setTimeout as delay } from 'node:timers/promises';
import type { Attack, Target } from '../target.ts';

const clients = 200;
/** More than may wait. */
const fewClients = 80;
/** The default of QUEUE_LIMIT. */
const queueLimit = 64;

export const crowd: Attack = {
  name: 'crowd',
  run: async (target) => {
    const coming = target.isShort ? fewClients : clients;
    await Promise.all(Array.from({ length: coming }, (_, index) => comeBack(target, index)));
    await target.checkReference(`${coming} clients at once`);
    const length = 10 * queueLimit;
    const statuses = await Promise.all(
      Array.from({ length }, (_, index) => askOnce(target, index, index % 2 === 0)),
    );
    for (const status of statuses) target.count(`status ${status} in a crowd`);
    if (!statuses.includes(429)) target.fault('no request of ten times the queue was refused');
    await target.checkReference('ten times the queue');
  },
};

async function comeBack(target: Target, index: number): Promise<void> {
  for (;;) {
    const answer = await target.ask(toRequest(target, index, false));
    if (answer === undefined || answer.status === 200) return;
    if (!isRefused(target, answer)) return;
    await delay(1000 * Number(answer.headers.get('retry-after')));
  }
}

async function askOnce(target: Target, index: number, throughEmulator: boolean): Promise<number> {
  const answer = await target.ask(toRequest(target, index, throughEmulator));
  if (answer === undefined) return 0;
  if (answer.status !== 200) isRefused(target, answer);
  return answer.status;
}

/** Whether an answer says when to come again. Any other failure is a fault, but that of a machine that is too slow for a crowd. */
function isRefused(
  target: Target,
  { status, headers, text }: { status: number; headers: Headers; text: string },
): boolean {
  if (text.includes('deadline_exceeded')) return false;
  const isTold = (status === 429 || status === 503) && Number(headers.get('retry-after')) >= 1;
  if (!isTold) target.fault(`${status} in a crowd, without a time to come again: ${text.slice(0, 150)}`);
  return isTold;
}

function toRequest(target: Target, index: number, throughEmulator: boolean) {
  target.count('requests of a crowd');
  const body = { prompt: `Number ${index}`, max_tokens: 2, temperature: 0 };
  return { path: throughEmulator ? target.front.url : '/v1/completions', body };
}
