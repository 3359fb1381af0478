// Summarises a diff from standard input, for a comment on a pull request: git diff main | node examples/summarize-pull-request.mjs
import { text } from 'node:stream/consumers';
import OpenAI from 'openai';

const client = new OpenAI({
  baseURL: process.env.BASE_URL ?? 'http://127.0.0.1:8000/v1',
  apiKey: process.env.API_KEY ?? 'none',
});

/** Characters of each file's diff. The rest of a large file says little, and a small model's context is short. */
const most = 4_000;

/** A small model is better at one file than at many. */
const files = (await text(process.stdin)).split(/^(?=diff --git )/m).filter((part) => part.trim() !== '');

for (const file of files) {
  const [, name = 'the change'] = /^diff --git a\/.* b\/(.*)$/m.exec(file) ?? [];
  const answer = await client.chat.completions.create({
    model: 'any',
    messages: [
      { role: 'system', content: 'You summarise a change of code in one sentence, for reviewers.' },
      // The diff is data: its author may be anybody.
      { role: 'user', content: `Summarise this diff:\n\n${file.slice(0, most)}` },
    ],
    max_tokens: 60,
    temperature: 0,
  });
  const summary = answer.choices[0].message.content.trim().replaceAll(/\s+/g, ' ');
  console.log(`- \`${name}\`: ${summary}`);
}
