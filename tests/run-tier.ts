// Runs the tests of one tier, and sends the numbers of its results to the process that started it. Its arguments are the most test
// files to run at once, a project and folders.
import { inspect } from 'node:util';
import { startVitest, type TestCase, type TestModule, type TestSuite } from 'vitest/node';

/** How many tests of a tier ended in which way. */
export interface TierResult {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  /** Each test that failed, with its file and its message, and each error outside of one. */
  readonly failures: readonly string[];
  readonly files: readonly TimedFile[];
}

export interface TimedFile {
  readonly path: string;
  /** What loading it and its tests took. */
  readonly seconds: number;
}

function nameOf(part: TestModule | TestSuite): string {
  return part.type === 'module'
    ? part.relativeModuleId
    : `${part.module.relativeModuleId} > ${part.fullName}`;
}

/** A failed test's file, name and message, which may have several lines. */
function failureOf(test: TestCase): string {
  const [error] = test.result().errors ?? [];
  return `${test.module.relativeModuleId} > ${test.fullName}\n    ${error?.message ?? 'no message'}`;
}

function timeOf(module: TestModule): TimedFile {
  const { collectDuration, duration } = module.diagnostic();
  return { path: module.relativeModuleId, seconds: (collectDuration + duration) / 1000 };
}

const [workers, project = '', ...folders] = process.argv.slice(2);
const options = { project: [project], watch: false, run: true, maxWorkers: Number(workers) };
const vitest = await startVitest('test', folders, options);
const modules = vitest.state.getTestModules();
const tests = modules.flatMap((module) => [...module.children.allTests()]);
const count = (state: string) => tests.filter((test) => test.result().state === state).length;
const brokenModules = modules.filter((module) => module.state() === 'failed').length;
const errors = vitest.state.getUnhandledErrors();
const result: TierResult = {
  passed: count('passed'),
  failed: count('failed') || Math.max(brokenModules, errors.length),
  skipped: count('skipped'),
  files: modules.map(timeOf),
  failures: [
    ...tests.filter((test) => test.result().state === 'failed').map(failureOf),
    ...modules
      .flatMap((module) => [module, ...module.children.allSuites()])
      .flatMap((part) => part.errors().map(({ message }) => `${nameOf(part)}: ${message}`)),
    // Vitest has copied them from another process: what had a class has none any more.
    ...errors.map(
      (error) => `outside of a test: ${(error as { message?: string }).message ?? inspect(error)}`,
    ),
  ],
};
await vitest.close();
// The exit code says whether there is a result. The result says whether tests failed.
process.send?.(result, () => process.exit(0));
