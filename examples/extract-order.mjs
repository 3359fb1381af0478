// Extracts the fields of an order from an e-mail, with limits that a database column would have.
import OpenAI from 'openai';

const client = new OpenAI({
  baseURL: process.env.BASE_URL ?? 'http://127.0.0.1:8000/v1',
  apiKey: process.env.API_KEY ?? 'none',
});

const email = `Hello, please send 3 desk lamps to Ada Lovelace, 12 Park Row, London.
We need them by 2027-01-15. Kind regards, Charles`;

const schema = {
  type: 'object',
  properties: {
    name: { type: 'string', maxLength: 60 },
    item: { type: 'string', maxLength: 60 },
    quantity: { type: 'integer', minimum: 1, maximum: 1000 },
    due: { type: 'string', format: 'date' },
  },
  required: ['name', 'item', 'quantity', 'due'],
};

const answer = await client.chat.completions.create({
  model: 'any',
  messages: [
    { role: 'system', content: 'Extract the order. Answer as JSON.' },
    { role: 'user', content: email },
  ],
  response_format: { type: 'json_schema', json_schema: { name: 'order', strict: true, schema } },
  temperature: 0,
});
console.log(JSON.parse(answer.choices[0].message.content));
