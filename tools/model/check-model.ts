// What a stored model can, and how it answers three questions.
import { chat } from '../../src/api/chat/chat.ts';
import type { ChatCompletion } from '../../src/api/chat/chat-completion.ts';
import type { ModelService } from '../../src/api/service.ts';
import type { Environment } from '../../src/config/environment.ts';
import { toRequestError } from '../../src/errors/request-error.ts';
import { loadService } from '../../src/startup/load-service.ts';
import { standardErrorLog } from '../../src/telemetry/log.ts';
import { describeMissingTemplate, describeTemplate } from './template-report.ts';

interface Question {
  /** What it shows. */
  readonly shows: string;
  readonly body: object;
}

const ask = (content: string) => [{ role: 'user', content }];

const city = { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] };

/** Each is short, so that a large model answers in time. Thoughts are bounded for the same reason. */
const questions: readonly Question[] = [
  { shows: 'text', body: { messages: ask('What is the capital of France? Answer in one word.') } },
  {
    shows: 'JSON of a schema',
    body: {
      messages: ask('The capital of Italy, as JSON with the key "city".'),
      response_format: { type: 'json_schema', json_schema: { name: 'city', schema: city, strict: true } },
    },
  },
  {
    shows: 'a call',
    body: {
      messages: ask('Is it warm in Paris?'),
      tools: [
        {
          type: 'function',
          function: { name: 'get_weather', description: 'The weather of a city.', parameters: city },
        },
      ],
      tool_choice: 'required',
    },
  },
];

const limits = { max_tokens: 64, thinking_budget_tokens: 32, temperature: 0, seed: 0 };

/**
 * Loads a model, describes what it can do, and asks it three questions.
 *
 * @param directory the folder of the model and its manifest
 * @param report takes lines as they come
 */
export async function checkModel(
  directory: string,
  env: Environment,
  report: (line: string) => void,
): Promise<void> {
  const service = await loadService({ ...env, MODEL_DIR: directory, PREFIX_DIR: '', SLOTS: '1' });
  const { engine, chatTemplate } = service;
  if (engine.slots === 0) return report('It makes embeddings or rankings, and generates no text.');
  if (chatTemplate === undefined) return report(describeMissingTemplate());
  report(await describeTemplate(chatTemplate));
  for (const { shows, body } of questions) report(`${shows}: ${await answer(body, service)}`);
}

async function answer(body: object, service: ModelService): Promise<string> {
  const context = {
    id: 'check',
    receivedAt: new Date(),
    seed: 0,
    coldStart: false,
    signal: new AbortController().signal,
    log: standardErrorLog,
  };
  try {
    const { choices, timings } = (await chat({ ...limits, ...body }, service, context)) as ChatCompletion;
    const [choice] = choices;
    const [call] = choice?.message.tool_calls ?? [];
    const text = call ? `${call.function.name}(${call.function.arguments})` : (choice?.message.content ?? '');
    const line = text.replace(/\s+/g, ' ');
    return `${line}, ${timings.predicted_per_second.toFixed(1)} tokens/s`;
  } catch (error) {
    return `failed: ${toRequestError(error).message}`;
  }
}
