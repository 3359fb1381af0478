import { describe, expect, it } from 'vitest';
import { describeInitFailure, isWarm, runtimeHasEnded } from '../../../src/server/warm-up.ts';

const answer = (status: number, text: string) => ({ status, headers: {}, body: Buffer.from(text) });

describe('isWarm', () => {
  it.each([
    { status: 200, text: '"warmup"', expected: true },
    { status: 200, text: '{"errorType":"Error"}', expected: false },
    { status: 200, text: 'Task timed out after 2.00 seconds', expected: false },
    { status: 502, text: '"warmup"', expected: false },
    { status: 200, text: '', expected: false },
  ])('is $expected for $status $text', ({ status, text, expected }) => {
    expect(isWarm(answer(status, text))).toBe(expected);
  });
});

describe('describeInitFailure', () => {
  it.each([
    {
      status: 502,
      text: '{"errorType":"Error","errorMessage":"Cannot find\\nthe model","trace":["Error"]}',
      line: 'Error: Cannot find the model',
    },
    { status: 502, text: '{"errorType":"Runtime.ExitError"}', line: 'Runtime.ExitError:' },
    { status: 200, text: 'null', line: 'the warm-up event was answered with status 200: null' },
    {
      status: 200,
      text: 'Task timed out after 2.00 seconds',
      line: 'the warm-up event was answered with status 200: Task timed out after 2.00 seconds',
    },
  ])('makes one line of $text', ({ status, text, line }) => {
    expect(describeInitFailure(answer(status, text))).toBe(line);
  });
});

describe('runtimeHasEnded', () => {
  it.each([
    { status: 502, text: '{"errorType":"Runtime.ExitError"}', expected: true },
    { status: 200, text: 'Task timed out after 900.00 seconds', expected: true },
    { status: 200, text: '"Task timed out after 900.00 seconds"', expected: false },
    { status: 200, text: '{"errorType":"TypeError","errorMessage":"thrown"}', expected: false },
    { status: 500, text: '', expected: false },
  ])('is $expected for $status $text', ({ status, text, expected }) => {
    expect(runtimeHasEnded(answer(status, text))).toBe(expected);
  });
});
