// SIGSTOP to the runtime and to the emulator. What hangs is noticed, its requests end in an error that says so, and another process
// takes its place.
import { setTimeout as delay } from 'node:timers/promises';
import { type Answer, type Attack, originOf, type Target } from '../target.ts';

const long = { prompt: 'Once upon a time', max_tokens: 500, ignore_eos: true };

export const stopEmulator: Attack = {
  name: 'stopped emulator',
  run: async (target) => {
    // It is also the time for the load of the model.
    const front = await target.startAnother({ FUNCTION_TIMEOUT: '10' });
    const [emulator = 0] = front.emulatorPids();
    process.kill(emulator, 'SIGSTOP');
    const stoppedAt = performance.now();
    const answer = await target.ask({ path: front.url, body: long });
    const code = toCode(answer);
    const took = toSeconds(stoppedAt);
    if (code !== 'deadline_exceeded') target.fault(`a stopped emulator: ${answer?.text}`);
    await target.checkReference('a stopped emulator', front);
    await target.checkInvocation('a stopped emulator', front);
    report('a stopped emulator', `${answer?.status} ${code} after ${took}`, [emulator], front.emulatorPids());
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

function toCode(answer: Answer | undefined): string | undefined {
  return /"(?:code|errorType)":\s*"([\w.]+)"/.exec(answer?.text ?? '')?.[1];
}

const toSeconds = (since: number) => `${((performance.now() - since) / 1000).toFixed(1)} s`;

/** Prints what the requests got, and whether the processes were replaced. The caller has seen the next requests answered. */
function report(name: string, outcome: string, before: readonly number[], after: readonly number[]): void {
  const isSame = before.join() === after.join();
  console.log(
    `torture: ${name}: ${outcome}; the process ${isSame ? 'stayed' : 'was replaced'}, and the next requests were answered`,
  );
}

/** The streams of a runtime that hangs end with an error event after half a minute. */
async function stopInStream(target: Target): Promise<void> {
  const front = await target.startAnother({ FUNCTION_TIMEOUT: '300' });
  const origin = originOf(front);
  const asked = target.ask({ path: '/v1/completions', body: { ...long, stream: true } }, { origin });
  await target.waitUntilBusy(front);
  const [runtime = 0] = front.runtimePids();
  process.kill(runtime, 'SIGSTOP');
  const stoppedAt = performance.now();
  const late = await target.ask({ path: '/v1/completions', body: { ...long, max_tokens: 1 } }, { origin });
  const answer = await asked;
  if (toCode(answer) !== 'runtime_exited')
    target.fault(`a stream of a stopped runtime: ${answer?.text.slice(-200)}`);
  // The stopped one has not begun it, so the next one gets it.
  if (late?.status !== 200) target.fault(`a request to a stopped runtime: ${late?.text.slice(-200)}`);
  const outcome = `${toCode(answer)} in the stream, ${late?.status} to a request that came then, after ${toSeconds(stoppedAt)}`;
  await target.checkReference('a stopped runtime', front);
  report('a stopped runtime', outcome, [runtime], front.runtimePids());
  await front.end('SIGTERM');
}

async function stopInInvocation(target: Target): Promise<void> {
  const front = await target.startAnother({ FUNCTION_TIMEOUT: '300' });
  const asked = target.ask({ path: front.url, body: long });
  await target.waitUntilBusy(front);
  const [runtime = 0] = front.runtimePids();
  process.kill(runtime, 'SIGSTOP');
  const stoppedAt = performance.now();
  const answer = await asked;
  const outcome = `${answer?.status} ${toCode(answer)} after ${toSeconds(stoppedAt)}`;
  if (answer?.status !== 502) target.fault(`an invocation of a stopped runtime: ${answer?.text.slice(-200)}`);
  await target.checkReference('an invocation of a stopped runtime', front);
  await target.checkInvocation('an invocation of a stopped runtime', front);
  report('a stopped runtime, with an invocation', outcome, [runtime], front.runtimePids());
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
  const answer = await asked;
  if (answer?.status !== 200) target.fault('a request of a runtime that stopped for a moment failed');
  const after = [...front.runtimePids(), ...front.emulatorPids()];
  if (after.join() !== pids.join()) target.fault('a runtime that stopped for a moment was replaced');
  await target.checkReference('a stop for a moment', front);
  report('all stopped for 3 s', `status ${answer?.status}`, pids, after);
  await front.end('SIGTERM');
}
