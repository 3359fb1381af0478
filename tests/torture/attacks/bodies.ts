// Bodies of real clients with some values changed, by eight clients at once; every eighth goes through the emulator.
import { mutate } from '../mutations.ts';
import type { Attack, Target } from '../target.ts';

const clients = 8;
const bodiesAtOnce = 10;

/** @param most ends the attack after so many bodies, instead of its share of the time */
export function sendBodies(most: number | undefined): Attack {
  return { name: 'bodies', share: 0.5, run: (target, endAt) => run(target, endAt, most) };
}

async function run(target: Target, endAt: number, most: number | undefined): Promise<void> {
  let round = 0;
  const goesOn = () => (most === undefined ? performance.now() < endAt : round * bodiesAtOnce < most);
  const client = async () => {
    while (goesOn()) {
      const bodies = mutate(target.seed + round++, bodiesAtOnce);
      const throughEmulator = round % clients === 0;
      for (const { path, body } of bodies) {
        if (most === undefined && performance.now() > endAt) return;
        const each = { path: throughEmulator ? target.front.url : path, body };
        target.count(throughEmulator ? 'bodies through the emulator' : 'bodies');
        const answer = await target.ask(each);
        if (answer === undefined) continue;
        target.count(`status ${answer.status} to a body`);
        target.judge(each, answer);
      }
    }
  };
  await Promise.all(Array.from({ length: clients }, client));
}
