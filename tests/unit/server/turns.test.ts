import { setImmediate as nextTurn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { Turns } from '../../../src/server/turns.ts';

function ask(turns: Turns, ...names: readonly string[]): string[] {
  const wentOn: string[] = [];
  for (const name of names) void turns.next().then(() => wentOn.push(name));
  return wentOn;
}

describe('Turns', () => {
  it('lets those who come together go on in their order, one in each turn', async () => {
    const wentOn = ask(new Turns(), 'first', 'second', 'third', 'fourth');

    await Promise.resolve();
    expect(wentOn).toEqual(['first']);
    for (const name of ['second', 'third', 'fourth']) {
      await nextTurn();
      expect(wentOn.at(-1)).toBe(name);
    }
    expect(wentOn).toHaveLength(4);
  });

  it('lets whoever comes alone go on at once, each time', async () => {
    const turns = new Turns();

    for (let time = 0; time < 3; time += 1) {
      const wentOn = ask(turns, 'alone');
      await Promise.resolve();
      expect(wentOn).toEqual(['alone']);
      await nextTurn();
    }
  });

  it('does not let a latecomer go on before those who wait', async () => {
    const turns = new Turns();
    const wentOn = ask(turns, 'first', 'second', 'third');

    await nextTurn();
    await turns.next();
    expect(wentOn).toEqual(['first', 'second', 'third']);
  });
});
