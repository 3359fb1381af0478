// Routes support tickets by /v1/decisions: the probability of each team, and none where the model is not sure. Nothing is generated.
import OpenAI from 'openai';

const client = new OpenAI({
  baseURL: process.env.BASE_URL ?? 'http://127.0.0.1:8000/v1',
  apiKey: process.env.API_KEY ?? 'none',
});

/** Below it a person decides. */
const surely = 0.5;

const tickets = [
  'I was charged twice for my March invoice.',
  'The app closes by itself when I open the settings.',
  'Could you add a dark mode?',
];

const questions = [
  {
    type: 'choice',
    instructions: 'What is the ticket about?',
    choices: [
      { value: 'billing', description: 'payments and invoices' },
      { value: 'bug', description: 'something does not work' },
      { value: 'feature request', description: 'a wish for something new' },
    ],
  },
];

for (const ticket of tickets) {
  const { answers } = await client.decisions.create({ model: 'any', input: ticket, questions });
  const [{ choice, confidence }] = answers;
  const team = confidence >= surely ? choice : 'a person';
  console.log(`${team} (${choice} ${Math.round(confidence * 100)}%): ${ticket}`);
}
