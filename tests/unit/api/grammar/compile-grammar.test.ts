import { describe, expect, it } from 'vitest';
import { compileGrammar } from '../../../../src/api/grammar/compile-grammar.ts';
import type { GrammarJob } from '../../../../src/api/grammar/grammar-job.ts';
import { schemaToGbnf } from '../../../../src/json-schema/json-schema-grammar.ts';

/** Its text is too long for the thread that answers. */
const large = {
  type: 'object',
  properties: Object.fromEntries(
    Array.from({ length: 400 }, (_, index) => [
      `property${index}`,
      { type: 'string', description: 'x'.repeat(80) },
    ]),
  ),
};

const compile = (schema: unknown) => compileGrammar({ kind: 'schema', schema, param: 'json_schema' });

describe('the grammar of a schema', () => {
  it('is the same from a worker thread, also when it is remembered', async () => {
    const gbnf = schemaToGbnf(large);

    expect(await compile(large)).toEqual({ gbnf });
    expect(await compile(large)).toEqual({ gbnf });
  });

  it.each([
    ['a small schema', {}],
    ['a schema that goes to a worker thread', large],
  ])('names the fault of %s', async (_, schema) => {
    await expect(compile({ ...schema, minProperties: -1 })).rejects.toMatchObject({
      name: 'RequestError',
      code: 'unsupported_schema',
      param: 'json_schema',
      message: expect.stringContaining("'minProperties'"),
    });
  });

  it('names the tool whose parameters are at fault, from a worker thread too', async () => {
    const tool = (name: string, parameters: Record<string, unknown>) => ({
      type: 'function' as const,
      function: { name, parameters },
    });
    const tools = [tool('one', large), tool('two', { type: 'object', minProperties: -1 })];
    const schemas = { tools, json: undefined };

    await expect(
      compileGrammar({ kind: 'chat', schemas, toolNames: ['one', 'two'], param: 'tools' }),
    ).rejects.toMatchObject({
      param: 'tools.1.function.parameters',
    });
  });

  it('refuses a schema that is nested too deeply', async () => {
    const deep = JSON.parse(`${'{"items":'.repeat(9000)}{}${'}'.repeat(9000)}`) as unknown;

    await expect(compile(deep)).rejects.toMatchObject({ code: 'unsupported_schema' });
  });
});

describe('the grammar of an answer', () => {
  const toAnswer = (count: number): GrammarJob => ({
    kind: 'answer',
    answer: {
      formats: [{ grammar: `root ::= "${'a'.repeat(count)}" [a-z]\nunused ::= root\n`, isLazy: true }],
      schemas: '',
      toolNames: [],
      parallel: true,
    },
    param: 'tools',
  });

  it.each([1, 1_000_000])('has the rules that it needs, with a text of %i characters', async (count) => {
    expect(await compileGrammar(toAnswer(count))).toEqual({
      gbnf: `root ::= "${'a'.repeat(count)}" [a-z]\n`,
    });
  });

  it('lets other work go on while a long one is written', async () => {
    let isWritten = false;
    const writing = compileGrammar(toAnswer(999_999)).then(() => {
      isWritten = true;
    });
    await new Promise(setImmediate);
    expect(isWritten).toBe(false);
    await writing;
  });
});
