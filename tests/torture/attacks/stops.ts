// SIGSTOP to the runtime and to the emulator. What hangs is noticed, its requests end in an error that says so, and another process
// takes its place.
import { setTimeout as delay } from 'node:timers/promises';
import { type Attack, originOf, type Target } from '../target.ts';

const long = { prompt: 'Once upon a time', max_tokens: 500, ignore_eos: true };

export const stopEmulator: Attack = {
  name: 'stopped emulator',
  run: async (target) => {
    const front = await target.startAnother({ FUNCTION_TIMEOUT: '5' });
    const [emulator = 0] = front.emulatorPids();
    process.kill(emulator, 'SIGSTOP');
    const answer = await target.ask({ path: front.url, body: long });
    target.count(`status ${answer?.status} of a stopped emulator`);
    if (!answer?.text.includes('deadline_exceeded')) target.fault(`a stopped emulator: ${answer?.text}`);
    await target.checkReference('a stopped emulator', front);
    await target.checkInvocation('a stopped emulator', front);
    await front.end('SIGTERM');
  },
};

export const stopRuntime: Attack = {
  name: 'stopped runtime',
  isLong: true,
  run: async (target) => {
    await Promise.all([stopInStream(target), stopInInvocation(target), stopForAMoment(target)]);
  },
};

/** The streams of a runtime that hangs end with an error event after half a minute. */
async function stopInStream(target: Target): Promise<void> {
  const front = await target.startAnother({ FUNCTION_TIMEOUT: '300' });
  const origin = originOf(front);
  const asked = target.ask({ path: '/v1/completions', body: { ...long, stream: true } }, { origin });
  await delay(500);
  const [runtime = 0] = front.runtimePids();
  process.kill(runtime, 'SIGSTOP');
  const late = await target.ask({ path: '/v1/completions', body: { ...long, max_tokens: 1 } }, { origin });
  for (const answer of [await asked, late]) {
    target.count(`status ${answer?.status} of a stopped runtime`);
    if (!answer?.text.includes('runtime_exited'))
      target.fault(`a stopped runtime: ${answer?.text.slice(-200)}`);
  }
  await target.checkReference('a stopped runtime', front);
  await front.end('SIGTERM');
}

async function stopInInvocation(target: Target): Promise<void> {
  const front = await target.startAnother({ FUNCTION_TIMEOUT: '300' });
  const asked = target.ask({ path: front.url, body: long });
  await delay(500);
  const [runtime = 0] = front.runtimePids();
  process.kill(runtime, 'SIGSTOP');
  const answer = await asked;
  target.count(`status ${answer?.status} of an invocation of a stopped runtime`);
  if (answer?.status !== 502) target.fault(`an invocation of a stopped runtime: ${answer?.text.slice(-200)}`);
  await target.checkReference('an invocation of a stopped runtime', front);
  await target.checkInvocation('an invocation of a stopped runtime', front);
  await front.end('SIGTERM');
}

/** A runtime that goes on after a moment keeps its requests, and stays. */
async function stopForAMoment(target: Target): Promise<void> {
  const front = await target.startAnother({});
  const origin = originOf(front);
  const asked = target.ask({ path: '/v1/completions', body: { ...long, max_tokens: 60 } }, { origin });
  await delay(200);
  const pids = [...front.runtimePids(), ...front.emulatorPids()];
  for (const pid of pids) process.kill(pid, 'SIGSTOP');
  await delay(3000);
  for (const pid of pids) process.kill(pid, 'SIGCONT');
  if ((await asked)?.status !== 200) target.fault('a request of a runtime that stopped for a moment failed');
  if ([...front.runtimePids(), ...front.emulatorPids()].join() !== pids.join())
    target.fault('a runtime that stopped for a moment was replaced');
  await front.end('SIGTERM');
}
