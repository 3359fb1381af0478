// Bodies that no client should send, and what each may do to a server.

export interface BadBody {
  readonly name: string;
  readonly body: Uint8Array;
  /** `front`: refused before Lambda sees it. `function`: an error of the function, or an answer where peers give one. */
  readonly judgedBy: 'front' | 'function';
}

const fields = [
  ...[
    'prompt',
    'max_tokens',
    'temperature',
    'top_p',
    'top_k',
    'min_p',
    'seed',
    'stop',
    'repeat_penalty',
    'model',
  ],
];
/** Values that no field takes. */
const wrongForAll: unknown[] = [{}, { prompt: 'x' }, [[]], [1, 2], false, true, [null], -1e308];
const wrongForNumbers: unknown[] = ['1', -2, 1e300, [], 'NaN', { $gt: 0 }, '0x10'];
const unknownNames = [
  '',
  ' ',
  'prompts',
  '__proto__',
  'constructor',
  'toString',
  'x'.repeat(10_000),
  '\u0000',
  '🌍',
];

function json(name: string, value: unknown, judgedBy: BadBody['judgedBy'] = 'function'): BadBody {
  return { name, body: Buffer.from(JSON.stringify(value)), judgedBy };
}

function raw(name: string, body: string | Uint8Array): BadBody {
  return { name, body: Buffer.from(body as string), judgedBy: 'front' };
}

/** More than two hundred of them. */
export const badBodies: readonly BadBody[] = [
  ...fields
    .flatMap((field) =>
      wrongForAll.map((value) =>
        json(`${field} = ${JSON.stringify(value)}`, { prompt: 'Hello', max_tokens: 1, [field]: value }),
      ),
    )
    .filter(({ name }) => name !== 'seed = -1e+308'),
  ...fields
    .filter((field) => !['prompt', 'stop', 'model', 'seed'].includes(field))
    .flatMap((field) =>
      wrongForNumbers.map((value) =>
        json(`${field} = ${JSON.stringify(value)}`, { prompt: 'Hello', max_tokens: 1, [field]: value }),
      ),
    )
    // As many tokens as fit would take long.
    .filter(({ name }) => name !== 'max_tokens = 1e+300'),
  ...unknownNames.map((name) => ({
    name: `field ${JSON.stringify(name.slice(0, 20))}`,
    body: Buffer.from(`{"prompt": "Hello", ${JSON.stringify(name)}: 1}`),
    judgedBy: 'function' as const,
  })),
  ...['n', 'best_of', 'echo', 'logprobs', 'suffix', 'stream', 'user', 'logit_bias', 'grammar'].map((field) =>
    json(`unsupported ${field}`, { prompt: 'Hello', [field]: 1 }),
  ),
  ...[null, true, false, 0, -1, 1.5, 1e308, '', 'text', [], [[]], ['prompt'], {}, { prompt: null }].map(
    (value) => json(`the event ${JSON.stringify(value)}`, value),
  ),
  ...[
    { requestContext: {} },
    { requestContext: { http: {} } },
    { requestContext: null },
    { httpMethod: 'POST' },
    { httpMethod: 7, requestContext: {} },
    { Records: [] },
    { requestContext: { http: { method: 'POST' } } },
    { requestContext: { http: { method: 'POST' } }, rawPath: '/v1/completions', body: { length: 3e9 } },
    { requestContext: { http: { method: 'POST' } }, rawPath: '/v1/completions', body: 7 },
    { requestContext: { http: { method: 'GET' } }, rawPath: '/health', headers: { 'content-type': 5 } },
    { requestContext: { elb: {} }, httpMethod: 'GET', path: '/health', multiValueHeaders: { a: [1] } },
    { source: 'aws.events' },
  ].map((value) => json(`half an event ${JSON.stringify(value)}`, value)),
  json('an empty stop string', { prompt: 'Hello', stop: '' }),
  json('too many stop strings', { prompt: 'Hello', stop: Array(17).fill('x') }),
  json('a prompt longer than the context', { prompt: 'word '.repeat(3_000) }),
  json('a huge prompt', { prompt: 'a'.repeat(1_000_000) }),
  json(
    'many fields',
    Object.fromEntries(Array.from({ length: 20_000 }, (_, index) => [`field${index}`, index])),
  ),
  { name: 'deep lists', body: Buffer.from('['.repeat(5_000) + ']'.repeat(5_000)), judgedBy: 'function' },
  {
    name: 'a deep prompt',
    body: Buffer.from(`{"prompt": ${'{"a":'.repeat(5_000)}1${'}'.repeat(5_000)}}`),
    judgedBy: 'function',
  },
  raw('nothing', ''),
  raw('blanks', ' \r\n\t'),
  raw('text', 'hello'),
  raw('a form', 'prompt=Hello&max_tokens=8'),
  raw('half an object', '{"prompt": "Hello"'),
  raw('two objects', '{"prompt": "a"}{"prompt": "b"}'),
  raw('a trailing comma', '{"prompt": "a",}'),
  raw('single quotes', "{'prompt': 'a'}"),
  raw('a comment', '{"prompt": "a"} // b'),
  raw('NaN', '{"prompt": "a", "temperature": NaN}'),
  raw('Infinity', '{"prompt": "a", "temperature": Infinity}'),
  raw('a line break in a string', '{"prompt": "a\nb"}'),
  raw('a byte order mark alone', Uint8Array.of(0xef, 0xbb, 0xbf)),
  raw(
    'broken UTF-8',
    Buffer.concat([Buffer.from('{"prompt": "'), Uint8Array.of(0xff, 0xfe), Buffer.from('"}')]),
  ),
  raw(
    'half a character',
    Buffer.concat([Buffer.from('{"prompt": "'), Uint8Array.of(0xf0, 0x9f), Buffer.from('"}')]),
  ),
  raw(
    'an overlong character',
    Buffer.concat([Buffer.from('{"prompt": "'), Uint8Array.of(0xc0, 0xaf), Buffer.from('"}')]),
  ),
  raw(
    'a surrogate in UTF-8',
    Buffer.concat([Buffer.from('{"prompt": "'), Uint8Array.of(0xed, 0xa0, 0x80), Buffer.from('"}')]),
  ),
  raw('UTF-16', Buffer.from('{"prompt": "a"}', 'utf16le')),
  raw(
    'binary',
    Uint8Array.from({ length: 4_096 }, (_, index) => (index * 31) % 256),
  ),
  raw('zeros', new Uint8Array(1_000)),
  raw('open lists', '['.repeat(100_000)),
  raw('a huge number of quotes', '"'.repeat(100_001)),
  raw('more than 6 MiB', JSON.stringify({ prompt: 'a'.repeat(6 * 1024 * 1024) })),
  ...Array.from({ length: 20 }, (_, index) => {
    const body = JSON.stringify({ prompt: 'Hello', max_tokens: 8, temperature: 0, stop: ['a', 'b'] });
    return raw(`an object cut after ${index * 3 + 1} bytes`, body.slice(0, index * 3 + 1));
  }),
];
