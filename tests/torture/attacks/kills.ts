// SIGKILL to the runtime or the emulator while requests run: only those may fail, and the next ones are answered.
import { setTimeout as delay } from 'node:timers/promises';
import { type Attack, post } from '../target.ts';

const body = { prompt: 'Once upon a time', max_tokens: 60, ignore_eos: true };

export const kill: Attack = {
  name: 'kills',
  share: 0.2,
  run: async (target, endAt) => {
    const pauses = target.draw(1000, 0, 300);
    for (let round = 0; performance.now() < endAt; round++) {
      const answering = Array.from({ length: 4 }, () =>
        post(target.origin, { path: '/v1/completions', body }).then(
          async (response) => {
            await response.text();
            return response.status;
          },
          () => 0,
        ),
      );
      await delay(pauses[round % pauses.length]);
      const [pid] = round % 2 === 0 ? target.front.runtimePids() : target.front.emulatorPids();
      if (pid !== undefined) process.kill(pid, 'SIGKILL');
      target.count('kills');
      for (const status of await Promise.all(answering)) target.count(`status ${status} at a kill`);
      await target.checkReference('a kill');
    }
  },
};
