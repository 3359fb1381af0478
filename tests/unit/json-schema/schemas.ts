// Supported schemas, each with texts that its grammar accepts and texts that it rejects.

export interface SchemaCase {
  readonly title: string;
  readonly schema: unknown;
  /** Texts that the grammar accepts. All of them satisfy the schema. */
  readonly accepts: readonly string[];
  /** Texts that the grammar rejects because they violate the schema or are not JSON. */
  readonly rejects?: readonly string[];
  /** Texts that the grammar rejects though they satisfy the schema. It may be narrower, never wider. */
  readonly narrower?: readonly string[];
}

const person = {
  type: 'object',
  properties: { name: { type: 'string' }, age: { type: 'integer', minimum: 0 }, tags: { type: 'array' } },
  required: ['name'],
};

const expression = {
  $ref: '#/$defs/expression',
  $defs: {
    expression: {
      anyOf: [
        {
          type: 'object',
          properties: {
            operator: { const: 'add' },
            left: { $ref: '#/$defs/expression' },
            right: { $ref: '#/$defs/expression' },
          },
          required: ['operator', 'left', 'right'],
        },
        {
          type: 'object',
          properties: { operator: { const: 'minus' }, value: { $ref: '#/$defs/expression' } },
          required: ['operator', 'value'],
        },
        { type: 'integer' },
      ],
    },
  },
};

export const schemaCases: readonly SchemaCase[] = [
  {
    title: 'true, any value',
    schema: true,
    accepts: [
      'null',
      'true',
      '-0.5e+10',
      '"a"',
      '[]',
      '[1, [2]]',
      '{}',
      '{"a": {"b": []}}',
      '[\n  1,\n  2\n]',
    ],
    rejects: [
      '',
      ' ',
      '01',
      '.5',
      '1.',
      '+1',
      '1e',
      'nul',
      '"a',
      "'a'",
      '[1,]',
      '{"a"}',
      '{a: 1}',
      '[1',
      'NaN',
      '{},',
    ],
    narrower: ['  {}', '{} ', '[1 , 2]', '{"a" : 1}', '[\n\n1]', '1e100', '1234567890123456'],
  },
  { title: 'an empty schema', schema: {}, accepts: ['0', '{"a":[null,true,false]}'], rejects: ['undefined'] },
  {
    title: 'only annotations',
    schema: {
      $schema: 'x',
      $id: 'http://[',
      title: 't',
      description: 'd',
      $comment: 'c',
      default: 1,
      examples: [1],
      deprecated: true,
      readOnly: true,
      writeOnly: false,
      'x-order': 1,
    },
    accepts: ['1', '"a"'],
  },
  {
    title: 'a string',
    schema: { type: 'string' },
    accepts: [
      '""',
      '"ä€😀"',
      '"\\"\\\\\\/\\b\\f\\n\\r\\t"',
      '"\\u00e9"',
      '"\\uD83D\\ude00"',
      '"\\ud7ff\\uE000"',
      '"\u2028"',
    ],
    rejects: ['a', '"\n"', '"\t"', '"\u0000"', '"\\x41"', '"\\u12"', '"a"b"', '"\\"'],
    narrower: ['"\\ud83d"', '"\\ude00"', '"\\ud83d\\ud83d"', '"\u007f"'],
  },
  {
    title: 'a whole number',
    schema: { type: 'integer' },
    accepts: ['0', '-1', '42', '999999999999999'],
    rejects: ['1.5', '00', '-', '--1', '"1"', 'null'],
    narrower: ['1.0', '1e2', '1000000000000000'],
  },
  {
    title: 'a number',
    schema: { type: 'number' },
    accepts: ['0', '-1.25', '1e5', '2.5E-3'],
    rejects: ['1.', '.1', '1e', '0x1', '1,5', 'Infinity'],
  },
  {
    title: 'a boolean',
    schema: { type: 'boolean' },
    accepts: ['true', 'false'],
    rejects: ['True', '0', '"true"'],
  },
  { title: 'null', schema: { type: 'null' }, accepts: ['null'], rejects: ['None', '""', '0'] },
  {
    title: 'several types',
    schema: { type: ['string', 'null', 'integer'], minLength: 1, minimum: 3 },
    accepts: ['"a"', 'null', '3'],
    rejects: ['""', '2', 'true', '[]'],
  },
  {
    title: 'a list of two number types',
    schema: { type: ['integer', 'number'] },
    accepts: ['1', '1.5'],
    rejects: ['"1"'],
  },
  {
    title: 'const',
    schema: { const: { a: [1, null, 'x"\n'], b: { c: -0.5 } } },
    accepts: ['{"a":[1,null,"x\\"\\n"],"b":{"c":-0.5}}'],
    rejects: ['{"a":[1,null,"x"],"b":{"c":-0.5}}', '{}'],
    narrower: ['{"b":{"c":-0.5},"a":[1,null,"x\\"\\n"]}', '{ "a":[1,null,"x\\"\\n"],"b":{"c":-0.5}}'],
  },
  { title: 'const null', schema: { const: null }, accepts: ['null'], rejects: ['0', 'nullnull'] },
  {
    title: 'enum',
    schema: { enum: ['red', 'redder', 'r', '', 1, 12, 1.5, true, null, [], ['a'], {}, '😀', '😁', '\ud800'] },
    accepts: [
      '"red"',
      '"redder"',
      '"r"',
      '""',
      '1',
      '12',
      '1.5',
      'true',
      'null',
      '[]',
      '["a"]',
      '{}',
      '"😀"',
      '"😁"',
      '"\\ud800"',
    ],
    rejects: ['"re"', '"redd"', '"reddest"', '2', '121', 'false', '["b"]', '"😂"'],
  },
  {
    title: 'enum with a type',
    schema: { type: ['string', 'integer'], enum: ['a', 1, 1.5, null] },
    accepts: ['"a"', '1'],
    rejects: ['1.5', 'null'],
  },
  {
    title: 'enum within const',
    schema: { enum: [{ a: 1, b: 2 }, 3], const: { b: 2, a: 1 } },
    accepts: ['{"a":1,"b":2}'],
    rejects: ['3'],
  },
  {
    title: 'required and optional properties',
    schema: person,
    accepts: [
      '{"name":"x"}',
      '{"name": "x", "age": 3}',
      '{"name":"x","tags":[]}',
      '{"name":"x","age":0,"tags":[1]}',
      '{\n  "name": "x",\n  "age": 1\n}',
      '{ "name":"x" }',
    ],
    rejects: [
      '{}',
      '{"age":1}',
      '{"name":"x","age":-1}',
      '{"name":1}',
      '[]',
      '{"name":"x",}',
      '{"name":"x""age":1}',
      '{"name":"x","age":1.5}',
    ],
    narrower: ['{"age":1,"name":"x"}', '{"name":"x","other":1}', '{"name":"x","name":"x"}', '{"name" : "x"}'],
  },
  {
    title: 'optional properties, any subset of them',
    schema: { properties: { a: { const: 1 }, b: { const: 2 }, c: { const: 3 } } },
    accepts: [
      '{}',
      '{"a":1}',
      '{"b":2}',
      '{"c":3}',
      '{"a":1,"b":2}',
      '{"a":1,"c":3}',
      '{"b":2,"c":3}',
      '{"a":1,"b":2,"c":3}',
      '{ }',
    ],
    rejects: ['{"a":2}', '{,"a":1}', '{"a":1 "b":2}'],
    narrower: ['{"b":2,"a":1}', '{"d":1}', '5'],
  },
  {
    title: 'optional, required, optional, required',
    schema: {
      properties: { a: { const: 1 }, b: { const: 2 }, c: { const: 3 }, d: { const: 4 } },
      required: ['b', 'd'],
    },
    accepts: ['{"b":2,"d":4}', '{"a":1,"b":2,"d":4}', '{"b":2,"c":3,"d":4}', '{"a":1,"b":2,"c":3,"d":4}'],
    rejects: ['{"b":2}', '{"d":4}', '{"a":1,"d":4}', '{"a":1,"b":2,"c":3}', '{"b":2,"c":3}'],
  },
  {
    title: 'no properties at all',
    schema: { type: 'object', properties: {}, additionalProperties: false },
    accepts: ['{}', '{\n}'],
    rejects: ['{"a":1}', '[]'],
  },
  {
    title: 'any object',
    schema: { type: 'object' },
    accepts: ['{}', '{"a":1}', '{"a":{"b":[{}]},"":null}', '{\n  "a": 1,\n  "b": 2\n}'],
    rejects: ['[]', '{"a":}', '{1:2}'],
  },
  {
    title: 'additional properties of one type',
    schema: { type: 'object', additionalProperties: { type: 'integer' } },
    accepts: ['{}', '{"a":1}', '{"a":1, "b":2}', '{"ä b":3}'],
    rejects: ['{"a":"x"}', '{"a":1,}'],
    narrower: ['{"":1}', '{"\\n":1}'],
  },
  {
    title: 'additional properties, never with a declared name',
    schema: {
      properties: { a: { type: 'string' }, and: { type: 'string' }, 'é"': { type: 'string' } },
      required: ['a'],
      additionalProperties: { type: 'integer' },
    },
    accepts: [
      '{"a":"x"}',
      '{"a":"x","and":"y"}',
      '{"a":"x","b":1}',
      '{"a":"x","an":1,"andy":2,"A":3}',
      '{"a":"x","é\\"":"z","é":1}',
    ],
    rejects: [
      '{"a":1}',
      '{"a":"x","a":1}',
      '{"a":"x","and":1}',
      '{"a":"x","b":"y"}',
      '{"b":1}',
      '{"a":"x","\\u0061":1}',
    ],
    narrower: ['{"b":1,"a":"x"}'],
  },
  {
    title: 'additional properties of any type',
    schema: { properties: { a: { const: 1 } }, additionalProperties: true },
    accepts: ['{}', '{"a":1}', '{"b":[]}', '{"a":1,"b":null,"c":{}}'],
    rejects: ['{"a":2}'],
  },
  {
    title: 'an undeclared required property',
    schema: { type: 'object', required: ['a', 'b'], properties: { b: { const: 2 } } },
    accepts: ['{"b":2,"a":[]}'],
    rejects: ['{"b":2}', '{"a":1}'],
  },
  {
    title: 'a required additional property',
    schema: { required: ['a'], additionalProperties: { type: 'boolean' }, maxProperties: 2 },
    accepts: ['{"a":true}', '{"a":true,"b":false}'],
    rejects: ['{"a":1}', '{"b":true}', '{"a":true,"b":true,"c":true}'],
  },
  {
    title: 'a forbidden property',
    schema: { properties: { a: false, b: { const: 2 } }, additionalProperties: { const: 3 } },
    accepts: ['{}', '{"b":2}', '{"c":3}'],
    rejects: ['{"a":3}', '{"a":1}'],
  },
  {
    title: 'a record of listed names',
    schema: {
      type: 'object',
      propertyNames: { type: 'string', enum: ['a', 'b', 'c'] },
      additionalProperties: { type: 'integer' },
      properties: { c: { const: 3 }, d: true },
      required: ['b'],
    },
    accepts: ['{"b":1}', '{"c":3,"b":1,"a":2}'],
    rejects: ['{"b":1,"d":1}', '{"a":1}', '{"b":1,"e":1}', '{"b":"x"}'],
  },
  {
    title: 'a record of any names',
    schema: { type: 'object', propertyNames: { type: 'string' }, additionalProperties: { type: 'null' } },
    accepts: ['{}', '{"x":null}'],
    rejects: ['{"x":1}'],
  },
  {
    title: 'at least one property',
    schema: { properties: { a: { const: 1 }, b: { const: 2 } }, minProperties: 1 },
    accepts: ['{"a":1}', '{"b":2}', '{"a":1,"b":2}'],
    rejects: ['{}'],
  },
  {
    title: 'unevaluatedProperties false',
    schema: { properties: { a: { const: 1 } }, unevaluatedProperties: false },
    accepts: ['{}', '{"a":1}'],
    rejects: ['{"b":1}'],
  },
  {
    title: 'names with special characters',
    schema: {
      properties: JSON.parse(
        '{"__proto__":{"const":1},"constructor":{"const":2},"a\\"b\\\\c\\n":{"const":3},"😀":{"const":4},"":{"const":5},"a/b~c":{"const":6},"\\u0000":{"const":7}}',
      ),
      required: ['__proto__', ''],
    },
    accepts: [
      '{"__proto__":1,"":5}',
      '{"__proto__":1,"constructor":2,"a\\"b\\\\c\\n":3,"😀":4,"":5,"a/b~c":6,"\\u0000":7}',
    ],
    rejects: ['{}', '{"":5}', '{"__proto__":2,"":5}', '{"__proto__":1,"":5,"a/b~c":1}'],
  },
  {
    title: 'a list',
    schema: { type: 'array', items: { type: 'integer' } },
    accepts: ['[]', '[ ]', '[1]', '[1,2]', '[1, 2]', '[\n  1,\n  2\n]'],
    rejects: ['[1,]', '["a"]', '[1 2]', '{}'],
  },
  {
    title: 'a list of two to three',
    schema: { type: 'array', items: { enum: [1, 2] }, minItems: 2, maxItems: 3 },
    accepts: ['[1,2]', '[1,2,1]'],
    rejects: ['[]', '[1]', '[1,2,1,2]', '[1,3]'],
  },
  {
    title: 'an empty list',
    schema: { items: { type: 'integer' }, maxItems: 0 },
    accepts: ['[]'],
    rejects: ['[1]'],
  },
  {
    title: 'a list of at least one',
    schema: { type: 'array', items: true, minItems: 1, uniqueItems: false },
    accepts: ['[1]', '[[],{}]'],
    rejects: ['[]'],
  },
  {
    title: 'a list of many',
    schema: { type: 'array', items: { const: 1 }, minItems: 150, maxItems: 301 },
    accepts: [listOf(150), listOf(201), listOf(300), listOf(301)],
    rejects: [listOf(149), listOf(302)],
  },
  {
    title: 'a fixed list',
    schema: { prefixItems: [{ type: 'string' }, { type: 'integer' }], items: false },
    accepts: ['["a",1]', '["a", 1]'],
    rejects: ['["a","b"]', '["a",1,2]', '[1,"a"]'],
    narrower: ['[]', '["a"]'],
  },
  {
    title: 'prefixItems and items',
    schema: { prefixItems: [{ const: 'a' }], items: { type: 'integer' }, minItems: 2, maxItems: 3 },
    accepts: ['["a",1]', '["a",1,2]'],
    rejects: ['["a"]', '["a",1,2,3]', '["a","b"]'],
  },
  {
    title: 'prefixItems and a higher minItems',
    schema: { prefixItems: [{ const: 'a' }], minItems: 2 },
    accepts: ['["a",null]'],
    rejects: ['["a"]'],
  },
  {
    title: 'prefixItems and a lower maxItems',
    schema: { prefixItems: [{ const: 1 }, { const: 2 }, false], maxItems: 5 },
    accepts: ['[1,2]'],
    rejects: ['[1,2,3]', '[2]'],
  },
  {
    title: 'texts by their length in code points',
    schema: { type: 'string', minLength: 2, maxLength: 3 },
    accepts: ['"ab"', '"abc"', '"😀😀"', '"\\n\\u0041\\ud83d\\ude00"', '"\\"\\""'],
    rejects: ['""', '"a"', '"abcd"', '"😀"', '"\\ud83d\\ude00"'],
  },
  {
    title: 'long texts',
    schema: { type: 'string', maxLength: 2345 },
    accepts: [
      '""',
      quoted('a', 100),
      quoted('a', 101),
      quoted('é', 2000),
      quoted('a', 2344),
      quoted('a', 2345),
    ],
    rejects: [quoted('a', 2346), quoted('a', 5000)],
  },
  {
    title: 'very long texts',
    schema: { type: 'string', minLength: 9000, maxLength: 10_000 },
    accepts: [quoted('a', 9000), quoted('a', 10_000)],
    rejects: [quoted('a', 8999), quoted('a', 10_001)],
  },
  {
    title: 'texts of 100,000 characters',
    schema: { type: 'string', minLength: 99_000, maxLength: 123_456 },
    accepts: [quoted('a', 99_000), quoted('a', 100_000), quoted('a', 123_455), quoted('a', 123_456)],
    rejects: [quoted('a', 98_999), quoted('a', 123_457)],
  },
  {
    title: 'a pattern',
    schema: { type: 'string', pattern: '^(?:[A-Z]{2}-\\d{3,4}|none)$' },
    accepts: ['"AB-123"', '"XY-0000"', '"none"'],
    rejects: ['"ab-123"', '"AB-12"', '"AB-12345"', '" none"', '"AB-123|none"'],
  },
  {
    title: 'a pattern that JSON escapes',
    schema: { pattern: '^["\\\\/\\n\\t]+\\.[^a]$' },
    accepts: ['"\\"\\\\/\\n\\t.b"', '"/.\\""', '"/.\\\\"', '"/.😀"'],
    rejects: ['"/.a"', '"x.b"', '"/b"'],
    narrower: ['"\\/.b"', '"/.\\u0062"'],
  },
  {
    title: 'a pattern of classes',
    schema: { pattern: '^\\w\\W\\d\\D\\s\\S.[^\\d\\s][-a][\\]\\^-][\\u0041-\\x43\\u{1F600}]$' },
    accepts: ['"_-5x bZaa]A"', '"z\\"0\\n !.--^😀"'],
    rejects: ['"--5x bZa-]A"', '"_-5x bZ5a]A"', '"_-5x bZab]A"', '"_-5x bZaa]D"'],
  },
  {
    title: 'a pattern that is not anchored',
    schema: { pattern: 'b+c' },
    accepts: ['"bc"', '"abbc"', '"bcd"', '"\\n\\u0041bc\\""'],
    rejects: ['"b"', '"cb"', '""'],
  },
  {
    title: 'a pattern with one anchor, or one in each alternative',
    schema: { pattern: '^ab|cd$' },
    accepts: ['"ab"', '"abx"', '"cd"', '"xcd"'],
    rejects: ['"xab"', '"cdx"'],
  },
  {
    title: 'repetitions of items that may be empty',
    schema: { pattern: '^(a*b?)*(c?){2}(?:d|)+(e{0})$' },
    accepts: ['""', '"aab"', '"babab"', '"cc"', '"ddd"', '"abcd"'],
    rejects: ['"e"', '"ccc"', '"dc"'],
  },
  {
    title: 'lazy repetitions and an exact one',
    schema: { pattern: '^a+?b{1}?c??d{2}$' },
    accepts: ['"abdd"', '"aabcdd"'],
    rejects: ['"b?dd"', '"abd"', '"abb?dd"'],
  },
  {
    title: 'a pattern within lengths',
    schema: { pattern: '^[a-z][a-z0-9-]*$', minLength: 3, maxLength: 5 },
    accepts: ['"abc"', '"a-1"', '"abcde"'],
    rejects: ['"ab"', '"abcdef"', '"1bc"'],
  },
  {
    title: 'a pattern of repeated groups within lengths',
    schema: { pattern: '^[a-z]+(-[a-z]+)*$', maxLength: 12 },
    accepts: ['"a"', '"ab-cd"', '"abc-d"'],
    rejects: ['"abcdefghijklm"', '"a-"', '"-a"'],
  },
  {
    title: 'an unbounded pattern with a maxLength',
    schema: { pattern: '^[ab]+$', maxLength: 50_000 },
    accepts: ['"ab"', quoted('a', 1000)],
    rejects: ['"c"'],
    narrower: [quoted('a', 1001)],
  },
  {
    title: 'dates',
    schema: { type: 'string', format: 'date' },
    accepts: ['"2024-01-31"', '"2024-02-29"', '"2000-02-29"', '"1999-12-30"', '"2023-02-28"'],
    rejects: [
      '"2023-02-29"',
      '"1900-02-29"',
      '"2024-04-31"',
      '"2024-13-01"',
      '"2024-00-10"',
      '"24-01-01"',
      '"2024-1-1"',
    ],
  },
  {
    title: 'times',
    schema: { format: 'time' },
    accepts: ['"00:00:00Z"', '"23:59:59.123+01:30"'],
    rejects: ['"24:00:00Z"', '"12:60:00Z"', '"12:00:00"', '"12:00"'],
  },
  {
    title: 'dates with times',
    schema: { format: 'date-time' },
    accepts: ['"2024-02-29T12:30:00Z"', '"2023-12-31T23:59:59.5-08:00"'],
    rejects: ['"2024-02-30T12:30:00Z"', '"2024-02-29"'],
    narrower: ['"2024-02-29 12:30:00Z"'],
  },
  {
    title: 'durations',
    schema: { format: 'duration' },
    accepts: ['"P3W"', '"P1Y2M10DT2H30M"', '"PT5S"', '"P1D"'],
    rejects: ['"P"', '"PT"', '"1D"', '"P1DT"', '"P1S"'],
  },
  {
    title: 'UUIDs',
    schema: { format: 'uuid' },
    accepts: ['"123e4567-e89b-12d3-a456-426614174000"'],
    rejects: ['"123e4567e89b12d3a456426614174000"', '"123e4567-e89b-12d3-a456-42661417400g"'],
  },
  {
    title: 'IPv4 addresses',
    schema: { format: 'ipv4' },
    accepts: ['"0.0.0.0"', '"192.168.1.254"', '"255.255.255.255"'],
    rejects: ['"256.1.1.1"', '"1.1.1"', '"1.1.1.1.1"'],
  },
  {
    title: 'IPv6 addresses',
    schema: { format: 'ipv6' },
    accepts: [
      '"::"',
      '"::1"',
      '"fe80::"',
      '"2001:db8::1:0:0:1"',
      '"1:2:3:4:5:6:7:8"',
      '"1:2:3:4:5:6:7::"',
      '"::2:3:4:5:6:7:8"',
    ],
    rejects: [
      '":"',
      '"1:2:3:4:5:6:7"',
      '"1:2:3:4:5:6:7:8:9"',
      '"1::2::3"',
      '"12345::"',
      '"1:2:3:4::5:6:7:8:9"',
    ],
  },
  {
    title: 'host names',
    schema: { format: 'hostname' },
    accepts: ['"localhost"', '"a-b.example.com"'],
    rejects: ['"-a.com"', '"a..b"', '""', '"a_b"'],
  },
  {
    title: 'e-mail addresses',
    schema: { format: 'email' },
    accepts: ['"a@b.cd"', '"first.last+tag@mail.example.com"'],
    rejects: ['"a"', '"@b"', '"a@"', '"a..b@c.d"', '".a@b.c"'],
  },
  {
    title: 'URIs',
    schema: { format: 'uri' },
    accepts: ['"https://example.com"', '"http://a.b:8080/p/q%20r?x=1&y#z"', '"ftp://h/"'],
    rejects: ['"example.com"', '"https://a b"', '"/path"', '"https://a/%2"'],
    narrower: ['"mailto:a@b.c"'],
  },
  {
    title: 'a format and a pattern that narrows it',
    schema: {
      format: 'uuid',
      pattern: '^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$',
    },
    accepts: ['"123e4567-e89b-42d3-a456-426614174000"'],
    rejects: ['"123e4567-e89b-12d3-a456-426614174000"'],
  },
  {
    title: 'a format and an equivalent pattern',
    schema: {
      format: 'date-time',
      pattern: '^\\d{4}-\\d{2}-\\d{2}T\\d{2}:\\d{2}:\\d{2}(?:\\.\\d+)?Z$',
    },
    accepts: ['"2024-02-29T12:30:00.5Z"'],
    rejects: ['"2024-02-30T12:30:00Z"', '"2024-02-29T12:30:00+01:00"'],
  },
  {
    title: 'a custom format with a pattern',
    schema: { format: 'ulid', pattern: '^[0-7][0-9A-Z]{3}$' },
    accepts: ['"01AZ"'],
    rejects: ['"81AZ"'],
  },
  {
    title: 'two patterns, one of which implies the other',
    schema: {
      allOf: [
        { pattern: '^[a-z]+(-[a-z]+)*$' },
        { pattern: '[a-z]' },
        { pattern: '^(?:[^A-Z]{0,3}){0,9}$' },
        { pattern: '^ab-[cd]{0,2}e$' },
      ],
    },
    accepts: ['"ab-e"', '"ab-cde"'],
    rejects: ['"ab"', '"ab-"', '"ab-ccc"'],
  },
  {
    title: 'a format with a length that it always has',
    schema: { format: 'date', minLength: 1, maxLength: 10 },
    accepts: ['"2024-01-31"'],
  },
  {
    title: 'whole numbers in a range',
    schema: { type: 'integer', minimum: -12, maximum: 345 },
    accepts: ['-12', '-9', '-1', '0', '9', '10', '99', '100', '299', '340', '345'],
    rejects: ['-13', '-20', '346', '350', '400', '1000', '01'],
    narrower: ['-0'],
  },
  {
    title: 'whole numbers with a minimum',
    schema: { type: 'integer', exclusiveMinimum: 17 },
    accepts: ['18', '20', '99', '100', '123456789012345'],
    rejects: ['17', '9', '0', '-18'],
  },
  {
    title: 'whole numbers with a negative maximum',
    schema: { type: 'integer', maximum: -5, multipleOf: 1 },
    accepts: ['-5', '-10', '-999'],
    rejects: ['-4', '0', '5'],
  },
  {
    title: 'whole numbers between fractions',
    schema: { type: 'integer', minimum: 0.5, exclusiveMaximum: 3 },
    accepts: ['1', '2'],
    rejects: ['0', '3'],
  },
  {
    title: 'whole numbers beyond the precision of a double',
    schema: { type: 'integer', minimum: -(2 ** 63), maximum: 2 ** 63 },
    accepts: ['0', '-999999999999999', '999999999999999'],
    narrower: ['1000000000000000'],
  },
  {
    title: 'an integer format',
    schema: { type: 'integer', format: 'int32', minimum: 0 },
    accepts: ['0', '2147483647'],
    rejects: ['-1'],
    narrower: ['2147483648'],
  },
  {
    title: 'numbers in a range',
    schema: { type: 'number', minimum: 0, maximum: 1 },
    accepts: ['0', '0.0', '0.5', '0.999999', '1', '1.0', '1.000000'],
    rejects: ['1.000001', '1.1', '2', '-0.1', '10'],
    narrower: ['5e-1', '0.1234567'],
  },
  {
    title: 'numbers between exclusive bounds',
    schema: { type: 'number', exclusiveMinimum: -1.5, exclusiveMaximum: 0.25 },
    accepts: ['-1.499999', '-1.4', '-1', '0', '-0.5', '0.2', '0.249999'],
    rejects: ['-1.5', '-1.50', '0.25', '0.250000', '0.3', '-2', '1'],
  },
  {
    title: 'numbers with a minimum',
    schema: { type: 'number', minimum: 10.75 },
    accepts: ['10.75', '10.8', '11', '11.01', '123456789012345', '99.5'],
    rejects: ['10.7', '10.749999', '10', '9.9', '-11'],
  },
  {
    title: 'numbers with very small bounds',
    schema: { type: 'number', minimum: 1e-8, maximum: 2.5e-8 },
    accepts: ['0.00000001', '0.00000002', '0.000000025'],
    rejects: ['0', '0.000000009', '0.000000026', '0.00000003'],
  },
  {
    title: 'multiples of a cent',
    schema: { type: 'number', multipleOf: 0.01, minimum: 0 },
    accepts: ['0', '1.5', '19.99', '9999999999999.99'],
    rejects: ['0.001', '-0.01'],
  },
  {
    title: 'multiples of one',
    schema: { type: 'number', multipleOf: 1 },
    accepts: ['0', '-15'],
    rejects: ['0.5'],
  },
  {
    title: 'alternatives',
    schema: {
      description: 'd',
      anyOf: [{ type: 'integer' }, { type: 'null' }, { type: 'array', items: { type: 'null' } }],
    },
    accepts: ['1', 'null', '[null]'],
    rejects: ['"a"', '[1]', '1.5'],
  },
  {
    title: 'alternatives with common properties',
    schema: {
      type: 'object',
      properties: { kind: { enum: ['a', 'b'] }, id: { type: 'integer' } },
      required: ['kind'],
      oneOf: [
        { properties: { kind: { const: 'a' }, x: { type: 'boolean' } }, required: ['x'] },
        { properties: { kind: { const: 'b' }, y: { type: 'null' } }, required: ['y'] },
      ],
    },
    accepts: ['{"kind":"a","x":true}', '{"kind":"b","id":1,"y":null}'],
    rejects: ['{"kind":"a","y":null}', '{"kind":"b","x":true}', '{"kind":"c","x":true}', '{"kind":"a"}'],
  },
  {
    title: 'alternatives that each require a property',
    schema: {
      type: 'object',
      properties: { a: { type: 'integer' }, b: { type: 'integer' } },
      anyOf: [{ required: ['a'] }, { required: ['b'] }],
    },
    accepts: ['{"a":1}', '{"b":1}', '{"a":1,"b":2}'],
    rejects: ['{}', '{"a":"x"}'],
  },
  {
    title: 'allOf',
    schema: {
      allOf: [
        { type: 'object', properties: { a: { type: 'string', minLength: 2 } }, required: ['a'] },
        { properties: { a: { maxLength: 3 }, b: { type: ['integer', 'null'] } } },
        { properties: { b: { type: ['number', 'string'] } } },
      ],
    },
    accepts: ['{"a":"xy"}', '{"a":"xyz","b":1}'],
    rejects: ['{"a":"x"}', '{"a":"wxyz"}', '{"a":"xy","b":null}', '{"a":"xy","b":1.5}', '{"b":1}'],
  },
  {
    title: 'allOf with two closed schemas',
    schema: {
      allOf: [
        { properties: { a: { const: 1 }, b: { const: 2 } }, additionalProperties: false },
        { properties: { b: true, c: { const: 3 } }, additionalProperties: { const: 1 } },
      ],
    },
    accepts: ['{}', '{"a":1}', '{"b":2}', '{"a":1,"b":2}'],
    rejects: ['{"c":3}', '{"b":1}'],
  },
  {
    title: 'allOf with two lists',
    schema: {
      allOf: [
        { type: 'array', prefixItems: [{ type: 'integer' }], items: { type: 'string' } },
        { items: { enum: [1, 2, 'a'] }, maxItems: 2 },
      ],
    },
    accepts: ['[1]', '[2,"a"]'],
    rejects: ['["a"]', '[1,2]', '[3]', '[1,"a","a"]'],
  },
  {
    title: 'references with other keywords',
    schema: {
      definitions: { name: { type: 'string', minLength: 1 } },
      $defs: { 'a/b ~c': { type: 'integer' } },
      properties: {
        first: { $ref: '#/definitions/name', description: 'd' },
        last: { $ref: '#/definitions/name', maxLength: 2 },
        age: { $ref: '#/$defs/a~1b%20~0c' },
        same: { $ref: '#/properties/age' },
      },
      required: ['first'],
    },
    accepts: ['{"first":"a"}', '{"first":"abc","last":"ab","age":1,"same":2}'],
    rejects: [
      '{"first":""}',
      '{"first":"a","last":"abc"}',
      '{"first":"a","age":"x"}',
      '{"first":"a","same":"x"}',
    ],
  },
  {
    title: 'a tree',
    schema: {
      type: 'object',
      properties: { value: { type: 'integer' }, children: { type: 'array', items: { $ref: '#' } } },
      required: ['value'],
      additionalProperties: false,
    },
    accepts: ['{"value":1}', '{"value":1,"children":[{"value":2,"children":[]},{"value":3}]}'],
    rejects: ['{"children":[]}', '{"value":1,"children":[1]}', '{"value":1,"children":[{}]}'],
  },
  {
    title: 'a linked list that ends with null',
    schema: {
      $defs: {
        node: {
          properties: { next: { anyOf: [{ $ref: '#/$defs/node' }, { type: 'null' }] } },
          required: ['next'],
        },
      },
      $ref: '#/$defs/node',
    },
    accepts: ['{"next":null}', '{"next":{"next":{"next":null}}}'],
    rejects: ['{"next":{}}', '{}'],
    narrower: ['null'],
  },
  {
    title: 'expressions that differ in their first property',
    schema: expression,
    accepts: [
      '1',
      '{"operator":"minus","value":2}',
      '{"operator":"add","left":1,"right":{"operator":"minus","value":{"operator":"add","left":1,"right":2}}}',
    ],
    rejects: [
      '{"operator":"add","value":1}',
      '{"operator":"minus","left":1,"right":2}',
      '{"operator":"times"}',
    ],
  },
  {
    title: 'a schema that becomes narrower with each level',
    schema: {
      properties: { child: { $ref: '#', required: ['name'] }, name: { type: 'string' } },
    },
    accepts: ['{}', '{"child":{"name":"a"}}', '{"child":{"child":{"name":"b"},"name":"a"}}'],
    rejects: ['{"child":{}}', '{"child":{"child":{},"name":"a"}}'],
  },
];

function listOf(length: number): string {
  return `[${Array(length).fill(1).join(',')}]`;
}

function quoted(character: string, length: number): string {
  return `"${character.repeat(length)}"`;
}
