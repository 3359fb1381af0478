// Classifies each line of a file in S3, and writes the results beside it. For a timer, at night:
// 0 2 * * * INPUT=s3://BUCKET/reviews.jsonl node examples/nightly-batch.mjs
// Thousands of environments at once are docs/batches.md.
import { GetObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import OpenAI from 'openai';
import pMap from 'p-map';

const client = new OpenAI({
  baseURL: process.env.BASE_URL ?? 'http://127.0.0.1:8000/v1',
  apiKey: process.env.API_KEY ?? 'none',
});
const s3 = new S3Client();
const [, bucket, key] = /^s3:\/\/([^/]+)\/(.+)$/.exec(process.env.INPUT ?? '') ?? [];
if (bucket === undefined) throw new Error('Set INPUT, such as s3://BUCKET/reviews.jsonl.');

const schema = {
  type: 'object',
  properties: { sentiment: { enum: ['positive', 'negative'] } },
  required: ['sentiment'],
};

/** A line that cannot be answered does not cost the night: its result says why. */
async function classify({ id, text }) {
  try {
    const answer = await client.chat.completions.create({
      model: 'any',
      messages: [
        { role: 'system', content: 'You judge reviews. Answer as JSON.' },
        { role: 'user', content: text },
      ],
      response_format: { type: 'json_schema', json_schema: { name: 'review', strict: true, schema } },
      temperature: 0,
    });
    return { id, ...JSON.parse(answer.choices[0].message.content) };
  } catch (error) {
    return { id, error: error.message };
  }
}

const { Body } = await s3.send(new GetObjectCommand({ Bucket: bucket, Key: key }));
const lines = (await Body.transformToString()).split('\n').filter((line) => line.trim() !== '');
// As many at once as the server has SLOTS; more wait in its queue.
const results = await pMap(lines, (line) => classify(JSON.parse(line)), { concurrency: 4 });

const output = key.replace(/(?:\.jsonl)?$/, `.${new Date().toISOString().slice(0, 10)}.results.jsonl`);
await s3.send(
  new PutObjectCommand({
    Bucket: bucket,
    Key: output,
    Body: results.map((result) => `${JSON.stringify(result)}\n`).join(''),
    ContentType: 'application/jsonl',
  }),
);
const failed = results.filter(({ error }) => error !== undefined).length;
console.log(`s3://${bucket}/${output}: ${results.length} lines, ${failed} failed`);
if (failed > 0) process.exitCode = 1;
