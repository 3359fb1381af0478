// Tortures a server on port 8000 with everything that a stranger can send, and with what its machine can do to it. `npm run torture`
// takes about 20 minutes; `-- --short` one, `-- --hours 2` two hours and what attacks of a fixed length take. `-- --seed N` repeats
// a run's bodies. Ends with 1 when something did not hold.
import { parseArgs } from 'node:util';
import { abort } from './attacks/aborts.ts';
import { sendBodies } from './attacks/bodies.ts';
import { sendBombs } from './attacks/bombs.ts';
import { crowd } from './attacks/crowd.ts';
import { damageFiles } from './attacks/damaged-files.ts';
import { killEarly, killFront, terminate } from './attacks/ends.ts';
import { sendJsonSuite } from './attacks/json-suite.ts';
import { kill } from './attacks/kills.ts';
import { limitMemory } from './attacks/memory-limits.ts';
import { sendRawHttp } from './attacks/raw-http.ts';
import { plantSecrets } from './attacks/secrets.ts';
import { beSlow } from './attacks/slow-clients.ts';
import { soak } from './attacks/soak.ts';
import { stopEmulator, stopRuntime } from './attacks/stops.ts';
import { spoilTemporaryFolder } from './attacks/temporary-folder.ts';
import { timeOut } from './attacks/timeouts.ts';
import { watchHealth } from './health-watch.ts';
import { type Attack, Target } from './target.ts';

const { values } = parseArgs({
  options: {
    short: { type: 'boolean', default: false },
    minutes: { type: 'string' },
    hours: { type: 'string' },
    bodies: { type: 'string' },
    secrets: { type: 'string' },
    aborts: { type: 'string' },
    soak: { type: 'string' },
    only: { type: 'string' },
    seed: { type: 'string' },
  },
});
/** Attacks of a fixed length take the rest of the short form's minute. */
const shortMinutes = 0.3;
const minutes = values.short
  ? shortMinutes
  : values.hours
    ? 60 * Number(values.hours)
    : Number(values.minutes ?? 5);
const seed = Number(values.seed ?? Date.now() % 1_000_000);
const toNumber = (text: string | undefined) => (text === undefined ? undefined : Number(text));

const attacks: readonly Attack[] = [
  sendBombs,
  sendRawHttp,
  sendJsonSuite,
  beSlow,
  crowd,
  sendBodies(toNumber(values.bodies)),
  plantSecrets('all', toNumber(values.secrets)),
  plantSecrets('key', toNumber(values.secrets)),
  abort(toNumber(values.aborts)),
  kill,
  stopEmulator,
  stopRuntime,
  terminate,
  killEarly,
  killFront,
  damageFiles,
  spoilTemporaryFolder,
  timeOut,
  limitMemory,
  ...(values.soak === undefined ? [] : [soak(Number(values.soak))]),
];
const names = values.only?.split(',');
const chosen = attacks.filter(({ name, isLong }) =>
  names === undefined ? !(values.short && isLong) : names.includes(name),
);
if (chosen.length === 0) {
  console.error(`--only takes some of: ${attacks.map(({ name }) => name).join(',')}.`);
  process.exit(1);
}

console.log(`torture: ${minutes} minutes, seed ${seed}`);
const target = new Target({ seed, isShort: values.short });
await target.start();
for (const { name, share = 0, run } of chosen) {
  const startedAt = performance.now();
  const endWatch = watchHealth(target.origin);
  try {
    await run(target, startedAt + share * minutes * 60_000);
    await target.checkReference(name);
  } catch (error) {
    target.fault(`${name}: ${error instanceof Error ? error.stack : String(error)}`);
  }
  const { answers, failures, p99, longest } = await endWatch();
  for (const failure of failures) target.fault(`no answer of /health during ${name}: ${failure}`);
  console.log(
    `torture: ${name}: ${((performance.now() - startedAt) / 1000).toFixed(1)} s; /health answered ${answers} times, ` +
      `99 of 100 within ${Math.ceil(p99)} ms, the longest after ${Math.ceil(longest)} ms`,
  );
}
await target.end();
for (const [name, number] of [...target.counts].sort()) console.log(`torture: ${name}: ${number}`);
for (const text of target.faults) console.log(`torture: FAULT: ${text}`);
console.log(`torture: ${target.faults.length} faults, seed ${seed}`);
process.exit(target.faults.length === 0 ? 0 : 1);
