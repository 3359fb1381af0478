import { describe, expect, it } from 'vitest';
import { Pace } from '../../../../src/engine/sequence/pace.ts';

describe('a pace', () => {
  it('expects 0 ms before the first step', () => {
    const pace = new Pace();

    expect([pace.expectPrefill(128), pace.expectDecode()]).toEqual([0, 0]);
  });

  it('expects 1.5 times the slowest step, by the number of prompt tokens', () => {
    const pace = new Pace();
    pace.prefilled(32, 64);
    pace.prefilled(128, 128);
    pace.decoded(10);
    pace.decoded(8);

    expect(pace.expectPrefill(128)).toBeCloseTo(128 * 2 * 0.9 * 1.5);
    expect(pace.expectDecode()).toBeCloseTo(10 * 0.9 * 1.5);
  });

  it('knows after the first prompt how many tokens fit a time', () => {
    const pace = new Pace();
    expect(pace.promptTokensWithin(1000)).toBe(0);

    pace.prefilled(64, 128);
    expect(pace.promptTokensWithin(1000)).toBe(500);
  });

  it('ignores pieces of a few tokens, which take as long as one generated token', () => {
    const pace = new Pace();
    pace.prefilled(64, 640);
    pace.decoded(60);
    for (let prompts = 0; prompts < 20; prompts++) pace.prefilled(3, 62);

    expect(pace.promptTokensWithin(1000)).toBe(100);
    expect(pace.expectPrefill(512)).toBeCloseTo(512 * 10 * 1.5);
    expect([pace.expectPrefill(0), pace.expectPrefill(3)]).toEqual([0, 60 * 1.5]);
  });

  it('forgets a slow step', () => {
    const pace = new Pace();
    pace.decoded(100);
    for (let step = 0; step < 20; step++) pace.decoded(10);

    expect(pace.expectDecode()).toBeLessThan(20);
    pace.decoded(50);
    expect(pace.expectDecode()).toBe(75);
  });

  it('forgets a slow step while it refuses others, so that one is tried again', () => {
    const pace = new Pace();
    pace.decoded(10_000);
    for (let refusals = 0; refusals < 22; refusals += 1) pace.refused();

    expect(pace.expectDecode()).toBeLessThan(1_500);
  });

  it('forgets all steps when it is reset', () => {
    const pace = new Pace();
    pace.decoded(100);
    pace.prefilled(32, 100);
    pace.reset();

    expect([pace.expectDecode(), pace.expectPrefill(32)]).toEqual([0, 0]);
  });
});
