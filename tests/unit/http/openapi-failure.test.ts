// The OpenAPI document after a failure, such as a module that could not be read.
import { expect, it, vi } from 'vitest';
import { answer } from '../../../src/http/answer.ts';
import { toOpenApi } from '../../../src/http/openapi.ts';
import { consoleLog } from '../../../src/telemetry/log.ts';
import { model, toContext } from '../api/fake-service.ts';
import { FakeEngine } from '../fake-engine.ts';

vi.mock('../../../src/http/openapi.ts', async (original) => {
  const module = await original<typeof import('../../../src/http/openapi.ts')>();
  return { toOpenApi: vi.fn(module.toOpenApi) };
});

it('is created again by the next request', async () => {
  const error = vi.fn();
  vi.mocked(toOpenApi).mockRejectedValueOnce(new Error('broken on purpose'));
  const statuses = [];
  for (let count = 0; count < 3; count += 1) {
    const request = { method: 'GET', path: '/openapi.json', headers: {}, body: Buffer.of() };
    const context = toContext({ log: { ...consoleLog, error } });
    statuses.push((await answer(request, { engine: new FakeEngine(), model }, context)).status);
  }

  expect(statuses).toEqual([500, 200, 200]);
  expect(toOpenApi).toHaveBeenCalledTimes(2);
  expect(error).toHaveBeenCalledOnce();
});
