// Runs every tier this machine can run and says which it could not. In CI a tier that could not run is a
// failure. `npm test -- unit model` runs the tiers named.
import { spawnSync } from 'node:child_process';
import { startVitest } from 'vitest/node';

const tiers = ['unit', 'model', 'container'] as const;
type Tier = (typeof tiers)[number];

function isTier(name: string): name is Tier {
  return (tiers as readonly string[]).includes(name);
}

/** Why a tier cannot run here, if it cannot. */
function obstacle(tier: Tier): string | undefined {
  if (tier !== 'container') return undefined;
  const { error, status } = spawnSync('docker', ['info'], { stdio: 'ignore' });
  if (error !== undefined) return "there is no container engine (no 'docker' command)";
  return status === 0 ? undefined : "the container engine does not answer ('docker info' fails)";
}

const names = process.argv.slice(2);
const unknown = names.find((name) => !isTier(name));
if (unknown !== undefined) {
  console.error(`There is no tier '${unknown}': choose from ${tiers.join(', ')}.`);
  process.exit(1);
}

const wanted = tiers.filter((tier) => names.length === 0 || names.includes(tier));
const outcomes: { tier: Tier; passed: number; failed: number; skipped: number; obstacle?: string }[] = [];
for (const tier of wanted) {
  const reason = obstacle(tier);
  if (reason !== undefined) {
    outcomes.push({ tier, passed: 0, failed: 0, skipped: 0, obstacle: reason });
    continue;
  }
  const vitest = await startVitest('test', [], { project: [tier], watch: false, run: true });
  const tests = vitest.state.getTestModules().flatMap((module) => [...module.children.allTests()]);
  const count = (state: string) => tests.filter((test) => test.result().state === state).length;
  const brokenModules = vitest.state.getTestModules().filter((module) => module.state() === 'failed').length;
  const errors = vitest.state.getUnhandledErrors().length;
  const failed = count('failed') || Math.max(brokenModules, errors);
  outcomes.push({ tier, passed: count('passed'), failed, skipped: count('skipped') });
  await vitest.close();
}

console.log('\nTiers:');
for (const { tier, passed, failed, skipped, obstacle: reason } of outcomes) {
  const ran = `${passed} passed, ${failed} failed, ${skipped} skipped`;
  console.log(`  ${tier.padEnd(9)}  ${reason === undefined ? ran : `NOT RUN, NOT PASSED: ${reason}`}`);
}
const sum = (pick: (outcome: (typeof outcomes)[number]) => number) =>
  outcomes.reduce((total, outcome) => total + pick(outcome), 0);
console.log(`${sum(({ passed }) => passed)} passed, ${sum(({ failed }) => failed)} failed`);

const isCI = process.env.CI === 'true';
const incomplete = outcomes.some(({ passed, obstacle: reason }) => reason === undefined && passed === 0);
const missing = outcomes.some(({ obstacle: reason }) => reason !== undefined);
process.exit(sum(({ failed }) => failed) > 0 || incomplete || (isCI && missing) ? 1 : 0);
