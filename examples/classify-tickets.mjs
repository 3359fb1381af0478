// Sorts support tickets into categories. The schema leaves the model no other answer than one of them.
import OpenAI from 'openai';

const client = new OpenAI({
  baseURL: process.env.BASE_URL ?? 'http://127.0.0.1:8000/v1',
  apiKey: process.env.API_KEY ?? 'none',
});

const tickets = [
  'I was charged twice for my March invoice.',
  'The app closes by itself when I open the settings.',
  'Could you add a dark mode?',
];

const schema = {
  type: 'object',
  properties: {
    category: { enum: ['billing', 'bug', 'feature request'] },
    urgent: { type: 'boolean' },
  },
  required: ['category', 'urgent'],
};

for (const ticket of tickets) {
  const answer = await client.chat.completions.create({
    model: 'any',
    messages: [
      { role: 'system', content: 'You sort support tickets. Answer as JSON.' },
      { role: 'user', content: ticket },
    ],
    response_format: { type: 'json_schema', json_schema: { name: 'ticket', strict: true, schema } },
    temperature: 0,
  });
  const { category, urgent } = JSON.parse(answer.choices[0].message.content);
  console.log(`${category}${urgent ? ', urgent' : ''}: ${ticket}`);
}
