// Finds the notes that are nearest to a question by meaning. The server needs an embedding model:
// npm run model -- use qwen3-embedding-0.6b-q8_0
import OpenAI from 'openai';

const client = new OpenAI({
  baseURL: process.env.BASE_URL ?? 'http://127.0.0.1:8000/v1',
  apiKey: process.env.API_KEY ?? 'none',
});

const notes = [
  'The canteen serves lunch from noon to two.',
  'Invoices are paid within thirty days.',
  'Forgotten passwords are reset at the service desk.',
  'The car park closes at ten in the evening.',
];
const question = process.argv[2] ?? 'I cannot log in any more.';

// One request for all. A real index keeps the vectors of the notes.
const { data } = await client.embeddings.create({ model: 'any', input: [question, ...notes] });
const [asked, ...vectors] = data.map(({ embedding }) => embedding);

// Vectors have the length 1, so the cosine of two is the sum of their products.
const similarity = (one, other) => one.reduce((sum, value, index) => sum + value * other[index], 0);

const found = notes
  .map((note, index) => ({ note, score: similarity(asked, vectors[index]) }))
  .sort((one, other) => other.score - one.score);
for (const { note, score } of found) console.log(`${score.toFixed(2)} ${note}`);
