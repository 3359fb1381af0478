// The tiers, by what a test needs: nothing, a real model, a container engine, one that runs programs for arm64, and a long compilation.
import { defineConfig } from 'vitest/config';

/** What an idle machine does in milliseconds may take a busy one seconds. */
const patience = { testTimeout: 30_000, hookTimeout: 30_000, expect: { poll: { timeout: 20_000 } } };

export default defineConfig({
  test: {
    // npm run coverage. What a test starts as a process of its own is not counted.
    coverage: {
      provider: 'v8',
      include: ['functions/**', 'src/**', 'tools/**'],
      reporter: ['text-summary', ['text-summary', { file: 'summary.txt' }], 'html'],
      reportsDirectory: '.cache/coverage',
    },
    projects: [
      {
        test: {
          name: 'unit',
          include: ['tests/unit/**/*.test.ts'],
          setupFiles: ['tests/unit/bounded-properties.ts'],
          ...patience,
        },
      },
      {
        test: {
          name: 'model',
          include: ['tests/{model,clients,aws}/**/*.test.ts'],
          ...patience,
          fileParallelism: false,
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
      {
        test: {
          name: 'container',
          include: ['tests/container/**/*.test.ts'],
          ...patience,
          fileParallelism: false,
          testTimeout: 600_000,
          hookTimeout: 900_000,
        },
      },
      {
        test: {
          name: 'amx',
          include: ['tests/amx/**/*.test.ts'],
          ...patience,
          // Compiling takes a minute and a half, and many on a busy machine.
          hookTimeout: 1_800_000,
        },
      },
      {
        test: {
          name: 'arm64',
          include: ['tests/arm64/**/*.test.ts'],
          ...patience,
          // An emulated processor is a hundred times slower.
          testTimeout: 1_800_000,
          hookTimeout: 7_200_000,
        },
      },
    ],
  },
});
