// Ends each property of fast-check before its test's limit, whatever the machine.
import fc from 'fast-check';

/** Below the limit of a test in vitest.config.ts. */
const limitMs = 20_000;

/** A property with fewer of its runs than this share has shown nothing. */
const leastShare = 0.1;

const requireRuns: fc.Plugin<unknown> = () => ({
  onAllRunsComplete: ({ failed, interrupted, numRuns, runConfiguration }) => {
    const { numRuns: wanted = 100 } = runConfiguration;
    if (!failed && interrupted && numRuns < wanted * leastShare)
      throw new Error(`The property was interrupted after ${numRuns} of ${wanted} runs.`);
  },
});

fc.installGlobalPlugin(fc.interruptAfterTimeLimit(limitMs));
fc.installGlobalPlugin(requireRuns);
