import { describe, expect, it } from 'vitest';
import { readThreads } from '../../../src/config/cpu.ts';

const oneProcessor = { AWS_LAMBDA_FUNCTION_MEMORY_SIZE: '1769' };

describe('readThreads', () => {
  it('decodes with exactly THREADS threads', () => {
    expect(readThreads({ THREADS: '3', MAX_THREADS: '5' })).toEqual({ count: 3, adapts: false });
  });

  it('decodes with at most MAX_THREADS threads', () => {
    expect(readThreads({ MAX_THREADS: '5' })).toEqual({ count: 5, adapts: true });
  });

  it('has nothing to adapt with one processor', () => {
    expect(readThreads(oneProcessor)).toEqual({ count: 1, adapts: false });
  });

  it.each(['0', '257', 'two'])('refuses MAX_THREADS=%s', (value) => {
    expect(() => readThreads({ MAX_THREADS: value })).toThrow(
      `MAX_THREADS="${value}" cannot be used: expected a whole number from 1 to 256.`,
    );
  });
});
