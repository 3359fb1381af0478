import { expect, it } from 'vitest';
import { complete } from '../../../src/api/completions/completions.ts';
import { FakeEngine } from '../fake-engine.ts';
import { model, toContext } from './fake-service.ts';

async function samplingOf(fields: object, samplingDefaults?: object) {
  const engine = new FakeEngine();
  await complete({ prompt: 'Hi', ...fields }, { engine, model, samplingDefaults }, toContext());
  return engine.requests[0]?.sampling;
}

const openAi = { temperature: 1, topP: 1, topK: 0, minP: 0 };

it("samples as OpenAI does, where the model's makers advise nothing", async () => {
  expect(await samplingOf({})).toMatchObject(openAi);
});

it("takes the advice of the model's makers for fields that a request leaves out", async () => {
  const advice = { temperature: 0.2, top_p: 0.9 };

  expect(await samplingOf({}, advice)).toMatchObject({ ...openAi, temperature: 0.2, topP: 0.9 });
  expect(await samplingOf({ temperature: 0.7, top_k: 5 }, advice)).toMatchObject({
    ...openAi,
    temperature: 0.7,
    topP: 0.9,
    topK: 5,
  });
});
