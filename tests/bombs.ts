// Small requests whose work grows exponentially, or without end, where nothing bounds it.

export interface Bomb {
  readonly name: string;
  readonly path: string;
  readonly body: Readonly<Record<string, unknown>>;
  /** The statuses that the answer may have: where a limit of time decides, the machine's speed does. */
  readonly statuses: readonly (200 | 400)[];
}

const bomb = (name: string, status: 200 | 400 | 'either', fields: object): Bomb => ({
  name,
  path: '/v1/completions',
  statuses: status === 'either' ? [200, 400] : [status],
  body: { prompt: 'x', max_tokens: 2, temperature: 0, ...fields },
});

/** Rules of which each is twice the next one, or offers it twice. */
const chain = (length: number, join: string, last: string) =>
  [...Array(length).keys()]
    .map((rule) => `a${rule} ::= a${rule + 1}${join}a${rule + 1}\n`)
    .concat(`a${length} ::= ${last}\n`)
    .join('');

/** The rule `x`, of 800,000 characters. */
const longRule = `x ::= ${'"aaaaaaaa"{2000} '.repeat(50)}\n`;

const alternatives = (count: number, each: string) => Array(count).fill(each).join('|');

const nested = (depth: number, inner: string, suffix: string) =>
  `${'('.repeat(depth)}${inner}${suffix.repeat(depth)}`;

const options = <Item>(count: number, fields: (index: number) => Item) =>
  Array.from({ length: count }, (_, index) => fields(index));

export const bombs: readonly Bomb[] = [
  bomb('rules of which each is twice the next', 400, { grammar: `root ::= a0\n${chain(24, ' ', '"x"?')}` }),
  bomb('the same behind a character', 400, { grammar: `root ::= "x" a0\n${chain(24, ' ', '"x"?')}` }),
  bomb('rules that offer the next one twice', 200, {
    grammar: `root ::= a0 "y"\n${chain(30, ' | ', '"x"')}`,
  }),
  bomb('forty repetitions in a row', 200, { grammar: `root ::= ${'[a-z]* '.repeat(40)}` }),
  bomb('two thousand optional characters in a row', 200, { grammar: `root ::= ${'.? '.repeat(2000)}` }),
  bomb('repetitions of repetitions', 200, { grammar: 'root ::= ((("a"{2000}){2000}){2000}){2000}' }),
  bomb('a repetition that requires more than it allows', 400, { grammar: 'root ::= "a"{5,2}' }),
  bomb('optional repetitions of optional repetitions', 400, {
    grammar: 'root ::= (("x"?){0,2000} "y"?){0,2000}',
  }),
  bomb('a long text, repeated', 200, { grammar: `root ::= "${'a'.repeat(100_000)}"{2000}` }),
  bomb('a text between pairs in every way', 400, {
    max_tokens: 16,
    grammar: 'root ::= p\np ::= [a-z] p p [a-z]? | [a-z] p | [a-z]\n',
  }),
  bomb('a long rule that begins each of many alternatives', 400, {
    grammar: `root ::= ${alternatives(24_000, 'x"b"')}\n${longRule}`,
  }),
  bomb('many rules that each begin with a long rule, a few times', 400, {
    grammar: `root ::= "x"\n${longRule}${options(600, (rule) => `a${rule} ::= ${alternatives(70, 'x"b"')}\n`).join('')}`,
  }),
  bomb('the same many alternatives in each of many others', 400, {
    grammar: `root ::= ${alternatives(25_000, 'a')}\na ::= ${alternatives(20_000, '"x"')}\n`,
  }),
  bomb('a rule of many empty alternatives that begins each of many others', 400, {
    grammar: `root ::= ${alternatives(24_000, 'e"b"')}\ne ::= ${'|'.repeat(100_000)}`,
  }),
  bomb('a rule of many empty alternatives, many times in a row', 400, {
    grammar: `root ::= ${'e '.repeat(20_000)}\ne ::= ${'|'.repeat(100_000)}`,
  }),
  bomb('left recursion', 400, { grammar: 'root ::= a\na ::= b "x" | "y"\nb ::= "z"? a' }),
  bomb('a hundred thousand groups', 400, { grammar: `root ::= ${nested(100_000, '"a"', ')')}` }),
  bomb('a pattern of nested repetitions', 200, {
    json_schema: { type: 'string', pattern: `^${nested(160, 'a?', 'b?)*')}$` },
  }),
  bomb('a pattern of many dots', 200, { json_schema: { type: 'string', pattern: `^${'.*'.repeat(400)}$` } }),
  bomb('a pattern of empty sequences', 200, {
    json_schema: { type: 'string', pattern: `^${'(?:)*'.repeat(2000)}$` },
  }),
  bomb('a regular expression with exponential matches', 200, { guided_regex: '(a|a)*(a|aa)+b?' }),
  bomb('alternatives of alternatives', 'either', {
    json_schema: {
      allOf: options(16, (one) => ({
        anyOf: options(6, (other) => ({ properties: { [`p${one}${other}`]: { type: 'string' } } })),
      })),
    },
  }),
  {
    name: 'a tool of three thousand optional arguments',
    path: '/v1/chat/completions',
    statuses: [400],
    body: {
      messages: [{ role: 'user', content: 'x' }],
      tools: [
        {
          type: 'function',
          function: {
            name: 'f',
            parameters: {
              type: 'object',
              properties: Object.fromEntries(
                options(3000, (index): [string, object] => [`p${index}`, { type: 'string' }]),
              ),
            },
          },
        },
      ],
      tool_choice: 'required',
    },
  },
  bomb('stop strings that are alike, and a text that seems to begin all of them', 200, {
    max_tokens: 100,
    grammar: `root ::= "${'a'.repeat(1000)}"`,
    stop: options(256, (index) => `${'a'.repeat(500)}${index}b${'a'.repeat(500)}`),
  }),
  {
    name: 'an event with a path of a million slashes',
    path: '/2015-03-31/functions/function/invocations',
    statuses: [200],
    body: {
      resource: '/{proxy+}',
      pathParameters: { proxy: 'v1/models' },
      path: `${'/'.repeat(1_000_000)}x`,
      httpMethod: 'GET',
      headers: {},
      requestContext: { stage: '' },
    },
  },
  bomb('a memory of a thousand million tokens', 200, {
    dry_multiplier: 1,
    dry_penalty_last_n: 1_000_000_000,
  }),
];
