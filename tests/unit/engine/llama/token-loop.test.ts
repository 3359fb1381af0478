import { describe, expect, it, vi } from 'vitest';
import { TokenLoop } from '../../../../src/engine/llama/token-loop.ts';

function setUp(...steps: readonly (number | Error)[]) {
  const left = [...steps];
  const native = {
    step: vi.fn(async () => {
      const token = left.shift() ?? -1;
      if (token instanceof Error) throw token;
      return token;
    }),
    stop: vi.fn(),
  };
  const evaluated: number[] = [];
  const onFailed = vi.fn();
  const loop = new TokenLoop({ native, first: 1, onEvaluated: (token) => evaluated.push(token), onFailed });
  return { loop, native, evaluated, onFailed };
}

describe('a token loop', () => {
  it('tells of each token that was evaluated: the first, and all that were chosen but the last', async () => {
    const { loop, evaluated } = setUp(2, 3, 4);
    const tokens = await Promise.all([loop.step(), loop.step(), loop.step()]);

    expect(tokens).toEqual([2, 3, 4]);
    expect(evaluated).toEqual([1, 2, 3]);
  });

  it('tells of none where no step was taken', async () => {
    const { loop, native, evaluated, onFailed } = setUp(2);
    await loop.step();
    loop.stop();

    await expect(loop.step()).rejects.toThrow('The step was not taken.');
    expect(native.stop).toHaveBeenCalledOnce();
    expect(evaluated).toEqual([1]);
    expect(onFailed).not.toHaveBeenCalled();
  });

  it('tells that nothing is known any more when llama.cpp fails', async () => {
    const failure = new Error('no memory');
    const { loop, evaluated, onFailed } = setUp(failure);

    await expect(loop.step()).rejects.toBe(failure);
    expect(evaluated).toEqual([]);
    expect(onFailed).toHaveBeenCalledOnce();
  });
});
