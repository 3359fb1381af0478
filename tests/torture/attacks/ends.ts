// The front's own end: SIGTERM under load, and SIGKILL at any moment. However it ends, nothing is left of it.
import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { listMarked } from '../../marked-processes.ts';
import { type Attack, originOf, post, type Target } from '../target.ts';

const entry = fileURLToPath(new URL('../../../infra/entry.sh', import.meta.url));
const clients = 8;
/** What a stop may take besides the answers in progress. */
const graceSeconds = 10;
/** A reaper lets a runtime write its states for five seconds. The rest is for a busy machine. */
const leftSeconds = 15;

/** Answers in progress are ended well, what waits is refused, and the exit code is 0. */
export const terminate: Attack = {
  name: 'SIGTERM under load',
  run: async (target) => {
    for (const pause of target.draw(target.isShort ? 1 : 6, 0, 1500)) {
      const mark = randomUUID();
      const front = await target.startAnother({ MARK: mark, SHUTDOWN_GRACE: String(graceSeconds) });
      const stopping = new AbortController();
      const asking = Array.from({ length: clients }, (_, index) =>
        askOn(target, { origin: originOf(front), url: front.url, index, signal: stopping.signal }),
      );
      await delay(pause);
      stopping.abort();
      const signalledAt = performance.now();
      const { code } = await front.end('SIGTERM');
      const seconds = (performance.now() - signalledAt) / 1000;
      target.count('SIGTERMs under load');
      if (code !== 0) target.fault(`exit code ${code} at SIGTERM under load`);
      if (seconds > graceSeconds + 8) target.fault(`a stop took ${seconds.toFixed(1)} s`);
      await Promise.all(asking);
      await assertNoneLeft(target, mark, 'SIGTERM under load');
    }
  },
};

interface Client {
  readonly origin: string;
  readonly url: string;
  readonly index: number;
  /** Aborted when the front is about to end: no more is asked. */
  readonly signal: AbortSignal;
}

async function askOn(target: Target, { origin, url, index, signal }: Client): Promise<void> {
  const stream = index % 2 === 0;
  const body = { prompt: `Tell story ${index}.`, max_tokens: 40, ignore_eos: true, stream };
  const path = index === 1 ? url : '/v1/completions';
  while (!signal.aborted) {
    try {
      const response = await post(origin, { path, body: index === 1 ? { ...body, stream: false } : body });
      const text = await response.text();
      target.count(`status ${response.status} around a SIGTERM`);
      const endsWell = !stream || response.status !== 200 || /\[DONE\]|event: error/.test(text);
      if (!endsWell || ![200, 429, 503].includes(response.status))
        target.fault(`${response.status} around a SIGTERM: ${text.slice(-200)}`);
    } catch (error) {
      // The listener may have closed just before.
      if (!signal.aborted) target.fault(`no answer before a SIGTERM: ${String(error)}`);
      target.count('connections refused at a SIGTERM');
    }
  }
}

/** SIGKILL within the first moments of a start, when there is an emulator without a runtime. */
export const killEarly: Attack = {
  name: 'SIGKILL at a start',
  run: async (target) => {
    for (const milliseconds of target.draw(target.isShort ? 10 : 100, 0, 300)) {
      const mark = randomUUID();
      const front = startMarked(mark);
      await delay(milliseconds);
      front.kill('SIGKILL');
      await once(front, 'exit');
      target.count('SIGKILLs at a start');
      await assertNoneLeft(target, mark, `SIGKILL ${milliseconds} ms after a start`);
    }
  },
};

/** SIGKILL while all serves, also while the children are stopped and so notice nothing. */
export const killFront: Attack = {
  name: 'SIGKILL',
  run: async (target) => {
    for (const isStopped of [false, true]) {
      const mark = randomUUID();
      const front = await target.startAnother({ MARK: mark });
      if (isStopped)
        for (const pid of [...front.runtimePids(), ...front.emulatorPids()]) process.kill(pid, 'SIGSTOP');
      await front.end('SIGKILL');
      target.count('SIGKILLs');
      await assertNoneLeft(target, mark, isStopped ? 'SIGKILL beside stopped children' : 'SIGKILL');
    }
  },
};

function startMarked(mark: string): ChildProcess {
  return spawn(entry, ['completion.handler'], {
    env: { ...process.env, PORT: '0', THREADS: '1', MARK: mark },
    stdio: 'ignore',
  });
}

async function assertNoneLeft(target: Target, mark: string, after: string): Promise<void> {
  const list = () => listMarked(`MARK=${mark}`);
  const endAt = performance.now() + 1000 * leftSeconds;
  while (list().length > 0 && performance.now() < endAt) await delay(20);
  for (const left of list()) target.fault(`left ${leftSeconds} s after ${after}: ${left}`);
}
