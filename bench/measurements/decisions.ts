// Measures questions about one input: as one request for decisions, and as a chat for each.
import { post } from '../http-client.ts';
import { type Contender, interleave, type Measurement, threadsVariant } from '../measurement.ts';
import { textOfTokens } from '../prompts.ts';
import { ggufLambda } from '../subjects/gguf-lambda.ts';
import { completionsPath, type Server, startServer } from '../subjects/server-process.ts';

const inputTokens = 400;
const topics = [
  ...[
    'a river',
    'a school',
    'a war',
    'money',
    'a family',
    'a city',
    'a computer',
    'a teacher',
    'food',
    'music',
  ],
  ...[
    'a train',
    'the sea',
    'a law',
    'a game',
    'winter',
    'a doctor',
    'a letter',
    'a garden',
    'a bird',
    'a king',
  ],
];

export const decisions: Measurement = {
  name: 'decisions',
  description: `twenty yes-or-no questions about ${inputTokens} new tokens: in one request, and as twenty chats`,
  metrics: [{ name: 'whole', unit: 'ms', better: 'lower' }],
  async run({ model, threads, rounds }) {
    const settings = { model, threads, slots: 1, contextSize: 1024 };
    await using server = await startServer(ggufLambda, settings);
    const contenders = [
      toContender('twenty questions', (input) => decide(server, input, topics)),
      toContender('one question', (input) => decide(server, input, topics.slice(0, 1))),
      toContender('twenty chats', async (input) => {
        for (const topic of topics) await chat(server, input, topic);
      }),
    ];
    return await interleave(decisions, threadsVariant(threads), contenders, rounds);
  },
};

/** Inputs differ, so that none is in the cache. */
let inputs = 0;

function toContender(subject: string, ask: (input: string) => Promise<void>): Contender {
  return {
    subject: `${ggufLambda.name}, ${subject}`,
    take: async () => {
      const input = textOfTokens(inputTokens, inputs++);
      const startedAt = performance.now();
      await ask(input);
      return { whole: performance.now() - startedAt };
    },
  };
}

const toStatement = (topic: string) => `The text mentions ${topic}.`;

async function decide({ url }: Server, input: string, asked: readonly string[]): Promise<void> {
  const questions = asked.map((topic) => ({ type: 'predicate', instructions: toStatement(topic) }));
  await post(url.replace(completionsPath, '/v1/decisions'), { input, questions });
}

async function chat({ url }: Server, input: string, topic: string): Promise<void> {
  const content = `${input}\n\nIs this true of the above? Answer Yes or No.\n${toStatement(topic)}`;
  await post(url.replace(completionsPath, '/v1/chat/completions'), {
    messages: [{ role: 'user', content }],
    max_tokens: 1,
    temperature: 0,
  });
}
