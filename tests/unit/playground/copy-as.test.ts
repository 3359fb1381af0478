// A request as a command or a program.
import { execFileSync } from 'node:child_process';
import { expect, it } from 'vitest';
import { toCurl, toNode, toPython } from '../../../playground/copy-as.ts';

const origin = 'http://127.0.0.1:8000';
const chat = {
  path: '/v1/chat/completions',
  body: {
    model: 'm',
    messages: [{ role: 'user', content: 'It\'s\n"5 o\'clock" é' }],
    top_k: 40,
    ignore_eos: true,
  },
} as const;

it('writes a command of curl whose body a shell passes on unchanged', () => {
  const command = toCurl(chat, { origin, hasKey: true }).replace(/^curl/, "printf '%s\\0'");
  const output = execFileSync('sh', ['-c', command], { encoding: 'utf8', env: { API_KEY: 'k' } });
  const args = output.split('\0').filter((each) => each !== '');

  expect(args.slice(0, 2)).toEqual(['-s', `${origin}/v1/chat/completions`]);
  expect(args).toContain('authorization: Bearer k');
  expect(JSON.parse(args.at(-1) ?? '')).toEqual(chat.body);
});

it('names a key only where there is one', () => {
  for (const write of [toCurl, toNode, toPython]) {
    expect(write(chat, { origin, hasKey: true })).toContain('API_KEY');
    expect(write(chat, { origin, hasKey: false })).not.toContain('API_KEY');
  }
});

it("writes Python that parses, with foreign fields in extra_body and JSON's words in Python's", () => {
  const program = toPython(chat, { origin, hasKey: false });
  execFileSync('python3', ['-c', 'import ast, sys; ast.parse(sys.stdin.read())'], { input: program });

  expect(program).toMatch(/extra_body=\{\s+"top_k": 40,\s+"ignore_eos": True,\s+\}/);
  expect(program).toContain('chat.completions.create(');
});

it('writes a program for Node that reads the text of either API', () => {
  const completion = { path: '/v1/completions', body: { model: 'm', prompt: 'Hi' } } as const;

  expect(toNode(chat, { origin, hasKey: false })).toContain('choices[0]?.delta.content');
  expect(toNode(completion, { origin, hasKey: false })).toContain('choices[0]?.text');
  expect(toNode(completion, { origin, hasKey: false })).toContain('"stream": true');
});
