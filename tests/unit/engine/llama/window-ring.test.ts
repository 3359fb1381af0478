import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { keepsWindow, type WindowRing } from '../../../../src/engine/llama/window-ring.ts';
import { FakeRing } from '../sequence/fake-ring.ts';

describe('keepsWindow', () => {
  const ring = { window: 10, cells: 30 };

  it.each([
    ['the window before it is there', { first: 91, end: 120 }, 100, 120, true],
    ['the oldest of the window is gone', { first: 92, end: 120 }, 100, 120, false],
    ['each layer has the whole text', { first: 0, end: 25 }, 0, 25, true],
    ['the text will fill the cells', { first: 0, end: 25 }, 0, 30, true],
    ['the beginning will be overwritten', { first: 0, end: 25 }, 0, 31, false],
    ['the window will be there still', { first: 91, end: 120 }, 105, 125, true],
    ['as many tokens may overwrite the window', { first: 91, end: 120 }, 105, 126, false],
  ])('knows that %s', (_, held, length, end, expected) => {
    expect(keepsWindow(ring, held, length, end)).toBe(expected);
  });

  it('promises no window that llama.cpp may overwrite', () => {
    const pieces = fc.array(fc.integer({ min: 1, max: 20 }), { maxLength: 12 });
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 40 }),
        fc.array(fc.record({ pieces, back: fc.nat(60), restored: fc.boolean() }), { maxLength: 8 }),
        pieces,
        fc.nat(60),
        (window, history, next, back) => {
          const shape: WindowRing = { window, cells: window + 20 };
          const fake = new FakeRing(shape);
          let isInOrder = true;
          for (const step of history) {
            for (const tokens of step.pieces) fake.append(tokens);
            const length = fake.held.end - step.back;
            if (step.restored) {
              fake.restore(fake.held.end);
              isInOrder = true;
            } else if (length > 0 && keepsWindow(shape, fake.held, length)) {
              expect(fake.hasWindowBefore(length)).toBe(true);
              isInOrder &&= fake.held.first === 0;
              fake.removeFrom(length);
            }
          }
          const { held } = fake;
          const end = held.end + next.reduce((sum, tokens) => sum + tokens, 0);
          const length = Math.max(0, end - back);
          const promised = keepsWindow(shape, held, length, end);
          for (const tokens of next) fake.append(tokens);
          if (promised && isInOrder) expect(fake.hasWindowBefore(length)).toBe(true);
        },
      ),
      { numRuns: 1000 },
    );
  });
});
