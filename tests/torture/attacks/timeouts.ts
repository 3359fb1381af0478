// 200 generations that take longer than their time, which is drawn from 1 to 10 seconds. Each is answered in time, with the text so
// far or an error that says so, and no process is lost by it.
import type { FrontProcess } from '../../model/front-process.ts';
import { type Attack, originOf, type Target } from '../target.ts';

const timeouts = 200;
/** More tokens than a slot generates in a second. A larger context takes longer to load. */
const contextPerSecond = 512;
const startTries = 10;
/** What an answer may take besides, where it is read on a busy machine. */
const lateMs = 10_000;
const endless = { prompt: 'Once upon a time', max_tokens: 100_000, ignore_eos: true };

export const timeOut: Attack = {
  name: 'timeouts',
  isLong: true,
  run: async (target) => {
    const drawn = target.draw(timeouts, 1, 10);
    for (const seconds of new Set(drawn)) {
      const times = drawn.filter((each) => each === seconds).length;
      await timeOutAfter(target, seconds, times);
    }
  },
};

/** The time is also that of the first load, and on a busy machine a second may not be enough for it. */
async function startWithin(target: Target, env: NodeJS.ProcessEnv): Promise<FrontProcess | undefined> {
  for (let tries = 1; ; tries++) {
    try {
      return await target.startAnother(env);
    } catch (error) {
      const isLate = String(error).includes('Task timed out');
      if (!isLate) throw error;
      if (tries === startTries) {
        target.skip(`timeouts of ${env.FUNCTION_TIMEOUT} s`, 'the model does not load in that time');
        return undefined;
      }
    }
  }
}

async function timeOutAfter(target: Target, seconds: number, times: number): Promise<void> {
  const env = {
    FUNCTION_TIMEOUT: String(seconds),
    CONTEXT_SIZE: String(contextPerSecond * seconds),
    SLOTS: '4',
  };
  const front = await startWithin(target, env);
  if (front === undefined) return;
  const pids = [...front.runtimePids(), ...front.emulatorPids()].join();
  const ask = async (index: number) => {
    // One of them goes through the emulator, which takes one at a time.
    const path = index === 0 ? front.url : '/v1/completions';
    const body = { ...endless, stream: index % 3 === 1 };
    const askedAt = performance.now();
    const answer = await target.ask({ path, body }, { origin: originOf(front) });
    const ms = performance.now() - askedAt;
    target.count('timeouts');
    if (answer === undefined) return;
    target.count(`status ${answer.status} at a timeout`);
    target.judge({ path, body }, answer);
    if (ms > 1000 * seconds + lateMs) target.fault(`an answer took ${Math.round(ms)} ms of ${seconds} s`);
  };
  await Promise.all(Array.from({ length: times }, (_, index) => ask(index)));
  if ([...front.runtimePids(), ...front.emulatorPids()].join() !== pids)
    target.fault(`a process was lost by a timeout of ${seconds} s`);
  await front.end('SIGTERM');
}
