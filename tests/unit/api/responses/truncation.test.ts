import { describe, expect, it } from 'vitest';
import { templates } from '../../chat/templates.ts';
import { FakeEngine } from '../../fake-engine.ts';
import { ask } from './ask.ts';

const turns = (count: number) =>
  Array.from({ length: count }, (_, index) => [
    { role: 'user', content: `u${index}` },
    { role: 'assistant', content: `a${index}` },
  ]).flat();

const input = [{ role: 'developer', content: 'S' }, ...turns(6), { role: 'user', content: 'u6' }];

function askIn(contextSize: number, body: object = {}) {
  const engine = new FakeEngine('x', { contextSize });
  return ask({ input, truncation: 'auto', ...body }, { engine, chatTemplate: templates.thinking });
}

describe('truncation', () => {
  it('leaves out nothing if the input fits', async () => {
    expect((await askIn(1000)).prompt).toContain('[system]S[user]u0');
  });

  it.each([
    [150, '[user]u1'],
    [130, '[user]u2'],
    [100, '[user]u4'],
    [60, '[user]u6'],
  ])('in a context of %i leaves out the oldest turns before %s', async (contextSize, start) => {
    const { prompt, status } = await askIn(contextSize);

    expect(status).toBe(200);
    expect(prompt.startsWith(`[system]S${start}`)).toBe(true);
    expect(prompt.endsWith('[user]u6[assistant]')).toBe(true);
  });

  it('tells an ignored field once', async () => {
    const { headers } = await askIn(60, { store: true, reasoning: { effort: 'extreme' } });

    expect(headers['x-ignored-fields']).toBe('reasoning.effort, store');
  });

  it('fails if not even the last turn fits', async () => {
    const { status, body } = await askIn(10);

    expect(status).toBe(400);
    expect(JSON.parse(body).error).toMatchObject({ code: 'context_length_exceeded', param: 'input' });
  });

  it('is off by default', async () => {
    expect((await askIn(150, { truncation: null })).status).toBe(400);
  });
});
