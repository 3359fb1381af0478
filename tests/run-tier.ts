// Runs the tests of one tier, which its arguments name by a project and folders, and sends the numbers of its results to the process that started it.
import { startVitest } from 'vitest/node';

/** How many tests of a tier ended in which way. */
export interface TierResult {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

const [project = '', ...folders] = process.argv.slice(2);
const vitest = await startVitest('test', folders, { project: [project], watch: false, run: true });
const tests = vitest.state.getTestModules().flatMap((module) => [...module.children.allTests()]);
const count = (state: string) => tests.filter((test) => test.result().state === state).length;
const brokenModules = vitest.state.getTestModules().filter((module) => module.state() === 'failed').length;
const errors = vitest.state.getUnhandledErrors().length;
const result: TierResult = {
  passed: count('passed'),
  failed: count('failed') || Math.max(brokenModules, errors),
  skipped: count('skipped'),
};
await vitest.close();
// The exit code says whether there is a result. The result says whether tests failed.
process.send?.(result, () => process.exit(0));
