// An agent with two tools, in Vercel's AI SDK. The model chooses a tool, the SDK runs it, and the model goes on with the result.
import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import { generateText, jsonSchema, stepCountIs, tool } from 'ai';

const provider = createOpenAICompatible({
  name: 'gguf-lambda',
  baseURL: process.env.BASE_URL ?? 'http://127.0.0.1:8000/v1',
  apiKey: process.env.API_KEY ?? 'none',
  // One call a step.
  transformRequestBody: (body) => ({ ...body, parallel_tool_calls: false }),
});

const stock = { lamp: 3, chair: 0 };

const { text, steps } = await generateText({
  model: provider('any'),
  prompt: 'How many lamps are in stock?',
  tools: {
    countStock: tool({
      description: 'Counts the pieces of an item in stock.',
      inputSchema: jsonSchema({
        type: 'object',
        properties: { item: { enum: Object.keys(stock) } },
        required: ['item'],
      }),
      execute: ({ item }) => ({ item, pieces: stock[item] }),
    }),
    orderItem: tool({
      description: 'Orders more pieces of an item.',
      inputSchema: jsonSchema({
        type: 'object',
        properties: {
          item: { enum: Object.keys(stock) },
          pieces: { type: 'integer', minimum: 1, maximum: 100 },
        },
        required: ['item', 'pieces'],
      }),
      execute: ({ item, pieces }) => ({ ordered: `${pieces} × ${item}` }),
    }),
  },
  // The first step calls a tool. A larger model also decides by itself.
  prepareStep: ({ stepNumber }) => ({ toolChoice: stepNumber === 0 ? 'required' : 'none' }),
  stopWhen: stepCountIs(2),
  maxOutputTokens: 60,
  temperature: 0,
});

for (const { toolCalls, toolResults } of steps) {
  for (const { toolName, input } of toolCalls) console.log(`call: ${toolName} ${JSON.stringify(input)}`);
  for (const { output } of toolResults) console.log(`result: ${JSON.stringify(output)}`);
}
console.log(text);
