// Grammars of schemas in llama.cpp's own engine, and texts that the real model writes within them.
import {
  getLlama,
  type Llama,
  type LlamaContextSequence,
  type LlamaGrammar,
  LlamaGrammarEvaluationState,
  LlamaLogLevel,
  type LlamaModel,
  type Token,
} from 'node-llama-cpp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { schemaToGbnf } from '../../src/json-schema/json-schema-grammar.ts';
import { validateJson } from '../../src/json-schema/validate-json.ts';
import { Gbnf } from '../unit/json-schema/gbnf.ts';
import { randomSchema } from '../unit/json-schema/random-schema.ts';
import { schemaCases } from '../unit/json-schema/schemas.ts';
import { seededRandom } from '../unit/json-schema/seeded-random.ts';
import { modelPath } from './default-model.ts';

let llama: Llama;

beforeAll(async () => {
  llama = await getLlama({
    gpu: false,
    build: 'never',
    skipDownload: true,
    progressLogs: false,
    maxThreads: 2,
    logLevel: LlamaLogLevel.error,
  });
});

afterAll(async () => {
  await llama.dispose();
});

type Admits = (text: string) => boolean;

/** What llama.cpp says of texts, by a test that the library keeps to itself. */
async function engineOf(gbnf: string): Promise<Admits> {
  const grammar = await llama.createGrammar({ grammar: gbnf });
  return (text) => (grammar as LlamaGrammar & { _testText: Admits })._testText(text);
}

describe('llama.cpp', () => {
  it.each(schemaCases)('accepts what it should: $title', async (each) => {
    const { schema, accepts, rejects = [], narrower = [] } = each;
    const isAdmitted = await engineOf(schemaToGbnf(schema));

    expect(accepts.filter((text) => !isAdmitted(text))).toEqual([]);
    expect([...rejects, ...narrower].filter(isAdmitted)).toEqual([]);
  });

  it.each(schemaCases)('accepts no misprint that does not satisfy the schema: $title', async (each) => {
    const random = seededRandom(1);
    const isAdmitted = await engineOf(schemaToGbnf(each.schema));
    const short = each.accepts.filter((text) => text.length < 200);
    const misprints = short.flatMap((text) => Array.from({ length: 100 }, () => misprint(text, random)));

    expect(misprints.filter((text) => isAdmitted(text) && !validateJson(each.schema, text).valid)).toEqual(
      [],
    );
  });

  it('reads random texts of grammars of random schemas as they were written', async () => {
    let read = 0;
    for (let seed = 0; seed < 300; seed++) {
      const random = seededRandom(seed);
      const gbnf = gbnfOrNothing(randomSchema(random));
      if (gbnf === undefined) continue;
      const isAdmitted = await engineOf(gbnf);
      const grammar = new Gbnf(gbnf);
      const texts = Array.from({ length: 10 }, () => grammar.sample(random));

      expect(
        texts.filter((text) => !isAdmitted(text)),
        gbnf,
      ).toEqual([]);
      read++;
    }

    expect(read).toBeGreaterThan(150);
  });
});

/** A text with a character too few, too many, twice, or exchanged with another. */
function misprint(text: string, random: () => number): string {
  const characters = Array.from(text);
  const below = (end: number) => Math.floor(random() * end);
  const position = below(characters.length);
  const other = [...characters, ...'{}[]",:0159-.eE\\u \n\ta'].at(below(characters.length + 22)) ?? '';
  const changes = [[], [other], [characters[position] ?? '', other], [other, characters[position] ?? '']];
  characters.splice(position, 1, ...(changes[below(changes.length)] ?? []));
  return characters.join('');
}

function gbnfOrNothing(schema: unknown): string | undefined {
  try {
    return schemaToGbnf(schema);
  } catch {
    return undefined;
  }
}

describe('the model within a grammar', () => {
  const mostTokens = 96;
  /** Long texts take long, and say no more than short ones. */
  const written = schemaCases.filter(({ accepts }) => accepts.every((text) => text.length < 150));
  let model: LlamaModel;
  let sequence: LlamaContextSequence;
  let finished = 0;

  beforeAll(async () => {
    model = await llama.loadModel({ modelPath, gpuLayers: 0, ignoreMemorySafetyChecks: true });
    const context = await model.createContext({
      contextSize: 512,
      // Two wait for each other where other tests run beside.
      threads: 1,
      ignoreMemorySafetyChecks: true,
    });
    sequence = context.getSequence();
  });

  /** At temperature 1, with all tokens in reach: the model tries whatever the grammar lets it. */
  async function write(gbnf: string, seed: number): Promise<string | undefined> {
    const grammar = await llama.createGrammar({ grammar: gbnf });
    const grammarEvaluationState = new LlamaGrammarEvaluationState({ model, grammar });
    const options = { temperature: 1, topK: 0, topP: 1, seed, grammarEvaluationState, yieldEogToken: true };
    const tokens: Token[] = [];
    await sequence.clearHistory();
    for await (const token of sequence.evaluate(model.tokenize('An example of JSON:\n'), options)) {
      if (model.isEogToken(token)) return model.detokenize(tokens);
      tokens.push(token);
      if (tokens.length === mostTokens) return undefined;
    }
    return undefined;
  }

  it.each(written)('writes nothing that does not satisfy it: $title', async ({ schema }) => {
    const text = await write(schemaToGbnf(schema), 1);
    if (text === undefined) return;
    finished++;

    expect(validateJson(schema, text), text).toMatchObject({ valid: true });
  });

  it('mostly comes to an end', () => {
    expect(written.length).toBeGreaterThan(80);
    expect(finished).toBeGreaterThan(written.length / 2);
  });

  it('writes objects', async () => {
    const anyObject = schemaToGbnf({ type: 'object' });
    const texts = await Array.fromAsync([1, 2, 3, 4], (seed) => write(anyObject, seed));
    const objects = texts.filter((text) => text !== undefined);

    expect(objects.length).toBeGreaterThan(0);
    for (const text of objects) expect(validateJson({ type: 'object' }, text)).toMatchObject({ valid: true });
  });
});
