// A request as a command or a program. An API key is named, never copied.
import type { ApiRequest } from './request.ts';

export interface CopyOptions {
  /** The server, such as `http://127.0.0.1:8000`. */
  readonly origin: string;
  /** Whether the server asks for a key. */
  readonly hasKey: boolean;
}

export function toCurl({ path, body }: ApiRequest, { origin, hasKey }: CopyOptions): string {
  const lines = [
    `curl -s ${origin}${path}`,
    `-H 'content-type: application/json'`,
    ...(hasKey ? [`-H "authorization: Bearer $API_KEY"`] : []),
    `-d '${JSON.stringify(body, null, 2).replaceAll("'", String.raw`'\''`)}'`,
  ];
  return lines.join(' \\\n  ');
}

export function toNode({ path, body }: ApiRequest, { origin, hasKey }: CopyOptions): string {
  const isChat = path === '/v1/chat/completions';
  const text = isChat ? 'delta.content' : 'text';
  return `import OpenAI from 'openai';

const client = new OpenAI({ baseURL: '${origin}/v1', apiKey: ${hasKey ? 'process.env.API_KEY' : "'none'"} });
const stream = await client.${isChat ? 'chat.completions' : 'completions'}.create(${JSON.stringify({ ...body, stream: true }, null, 2)});
for await (const { choices } of stream) process.stdout.write(choices[0]?.${text} ?? '');
`;
}

/** The fields that OpenAI's client for Python has arguments for. It takes others as `extra_body`. */
const pythonArguments = new Set([
  ...[
    'model',
    'messages',
    'prompt',
    'max_tokens',
    'max_completion_tokens',
    'temperature',
    'top_p',
    'n',
    'stop',
  ],
  ...['presence_penalty', 'frequency_penalty', 'logit_bias', 'logprobs', 'top_logprobs', 'seed', 'tools'],
  ...['tool_choice', 'parallel_tool_calls', 'reasoning_effort', 'suffix', 'echo', 'best_of'],
]);

export function toPython({ path, body }: ApiRequest, { origin, hasKey }: CopyOptions): string {
  const isChat = path === '/v1/chat/completions';
  // Completions have no argument for a response format.
  const isKnown = (name: string) => pythonArguments.has(name) || (isChat && name === 'response_format');
  const entries = Object.entries(body);
  const extra = Object.fromEntries(entries.filter(([name]) => !isKnown(name)));
  const all = [
    ...entries.filter(([name]) => isKnown(name)),
    ['stream', true] as const,
    ...(Object.keys(extra).length > 0 ? [['extra_body', extra] as const] : []),
  ];
  const content = isChat ? 'delta.content' : 'text';
  return `import os

from openai import OpenAI

client = OpenAI(base_url="${origin}/v1", api_key=${hasKey ? 'os.environ["API_KEY"]' : '"none"'})
stream = client.${isChat ? 'chat.completions' : 'completions'}.create(
${all.map(([name, value]) => `    ${name}=${toPythonLiteral(value, 1)},`).join('\n')}
)
for chunk in stream:
    if chunk.choices:
        print(chunk.choices[0].${content} or "", end="", flush=True)
`;
}

/** Writes a value of JSON in Python. Its strings are Python's too. */
function toPythonLiteral(value: unknown, depth: number): string {
  if (value === null) return 'None';
  if (value === true) return 'True';
  if (value === false) return 'False';
  if (typeof value !== 'object') return JSON.stringify(value);
  const items = Array.isArray(value)
    ? value.map((item) => toPythonLiteral(item, depth + 1))
    : Object.entries(value).map(
        ([key, item]) => `${JSON.stringify(key)}: ${toPythonLiteral(item, depth + 1)}`,
      );
  const [open, close] = Array.isArray(value) ? '[]' : '{}';
  if (items.length === 0) return `${open}${close}`;
  const indent = '    '.repeat(depth + 1);
  return `${open}\n${items.map((item) => `${indent}${item},\n`).join('')}${'    '.repeat(depth)}${close}`;
}
