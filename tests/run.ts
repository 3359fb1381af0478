// Runs every tier this machine can run and says which it could not. REQUIRE_ALL_TIERS=true makes that a failure.
// `npm test -- unit model` runs the tiers named. Two run only by their names: arm64 builds a second image, which takes long where that
// processor is emulated, and amx compiles a library of llama.cpp that few need.
import { fork, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { availableParallelism } from 'node:os';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { armObstacle } from './arm64/platform.ts';
import type { TierResult } from './run-tier.ts';

/** Each tier with its project and its folders, the longest first. */
const tiers = {
  arm64: ['arm64'],
  amx: ['amx'],
  model: ['model', 'tests/model/', 'tests/aws/'],
  container: ['container'],
  clients: ['model', 'tests/clients/'],
  unit: ['unit'],
} as const;
type Tier = keyof typeof tiers;

/** The tiers that run only by their names. */
const optIn: ReadonlySet<Tier> = new Set<Tier>(['arm64', 'amx']);
/** The tiers that need no container engine. */
const engineless: ReadonlySet<Tier> = new Set<Tier>(['model', 'clients', 'unit']);

/** How many tiers run at a time. In each, one process computes at a time, but in the unit tests when no other tier is left to start. */
const lanes = Math.min(2, availableParallelism());
/** How many files are named at the end, for whoever wants to make the run shorter. */
const slowestFiles = 25;

/**
 * Many processes load the same JavaScript or Python. With what was compiled of it before, `npm run model -- list` takes 0.25 s of a
 * processor, not 0.65 s, and cfn-lint 4 s, not 10 s.
 */
const env = {
  ...process.env,
  NODE_COMPILE_CACHE: fileURLToPath(new URL('../.cache/compiled', import.meta.url)),
  // Images of containers often set it.
  PYTHONDONTWRITEBYTECODE: '',
};

function isTier(name: string): name is Tier {
  return Object.hasOwn(tiers, name);
}

/** Why a tier cannot run here, if it cannot. */
function obstacle(tier: Tier): string | undefined {
  if (engineless.has(tier)) return undefined;
  if (tier === 'amx' && process.arch !== 'x64') return 'the library is for x86 processors';
  const { error, status } = spawnSync('docker', ['info'], { stdio: 'ignore' });
  if (error !== undefined) return "there is no container engine (no 'docker' command)";
  if (status !== 0) return "the container engine does not answer ('docker info' fails)";
  return tier === 'arm64' ? armObstacle() : undefined;
}

const nothing: TierResult = { passed: 0, failed: 0, skipped: 0, failures: [], files: [] };

type Outcome = TierResult & { readonly tier: Tier; readonly obstacle?: string };

interface RunOptions {
  /** Whether its output is printed when it ends, since another tier prints meanwhile. */
  readonly isHeld: boolean;
  /** How many test files may run at once. */
  readonly workers: number;
}

async function run(tier: Tier, { isHeld, workers }: RunOptions): Promise<Outcome> {
  const reason = obstacle(tier);
  if (reason !== undefined) return { tier, ...nothing, obstacle: reason };
  const output = isHeld ? 'pipe' : 'inherit';
  const child = fork(fileURLToPath(new URL('run-tier.ts', import.meta.url)), [`${workers}`, ...tiers[tier]], {
    env,
    stdio: ['inherit', output, output, 'ipc'],
  });
  let result: TierResult = { ...nothing, failed: 1 };
  child.on('message', (message) => {
    result = message as TierResult;
  });
  const closed = once(child, 'close');
  const printed = [child.stdout, child.stderr].map((stream) => (stream === null ? '' : text(stream)));
  process.stdout.write((await Promise.all(printed)).join(''));
  await closed;
  return { tier, ...result };
}

const names = process.argv.slice(2);
const unknown = names.find((name) => !isTier(name));
if (unknown !== undefined) {
  console.error(`There is no tier '${unknown}': choose from ${Object.keys(tiers).join(', ')}.`);
  process.exit(1);
}

const { REQUIRE_ALL_TIERS: requirement = 'false' } = process.env;
if (!['true', 'false'].includes(requirement)) {
  console.error(`REQUIRE_ALL_TIERS="${requirement}" cannot be used: expected true or false.`);
  process.exit(1);
}

const wanted = Object.keys(tiers)
  .filter(isTier)
  .filter((tier) => (names.length === 0 ? !optIn.has(tier) : names.includes(tier)));
const waiting = [...wanted];
const outcomes: Outcome[] = [];

async function runWaiting(): Promise<void> {
  for (let tier = waiting.shift(); tier !== undefined; tier = waiting.shift())
    outcomes.push(
      await run(tier, {
        isHeld: lanes > 1 && tier !== wanted[0],
        workers: tier === 'unit' && waiting.length === 0 ? lanes : 1,
      }),
    );
}

await Promise.all(Array.from({ length: lanes }, runWaiting));

// At the end as well, because thousands of lines may stand behind the first report of a failure.
const failures = outcomes.flatMap((outcome) => outcome.failures);
if (failures.length > 0) console.log(`\nFailed:\n  ${failures.join('\n  ')}`);
const slowest = outcomes.flatMap(({ files }) => files).sort((one, other) => other.seconds - one.seconds);
if (slowest.length > 0) console.log('\nThe files that took longest:');
for (const { path, seconds } of slowest.slice(0, slowestFiles)) {
  console.log(`  ${seconds.toFixed(0).padStart(4)} s  ${path}`);
}
console.log('\nTiers:');
for (const { tier, passed, failed, skipped, obstacle: reason } of outcomes) {
  const ran = `${passed} passed, ${failed} failed, ${skipped} skipped`;
  console.log(`  ${tier.padEnd(9)}  ${reason === undefined ? ran : `NOT RUN, NOT PASSED: ${reason}`}`);
}
const sum = (pick: (outcome: Outcome) => number) =>
  outcomes.reduce((total, outcome) => total + pick(outcome), 0);
console.log(`${sum(({ passed }) => passed)} passed, ${sum(({ failed }) => failed)} failed`);

const incomplete = outcomes.some(({ passed, obstacle: reason }) => reason === undefined && passed === 0);
const missing = outcomes.some(({ obstacle: reason }) => reason !== undefined);
// process.exit would lose what the reader of a pipe has not taken yet.
process.exitCode =
  sum(({ failed }) => failed) > 0 || incomplete || (requirement === 'true' && missing) ? 1 : 0;
