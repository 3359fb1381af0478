// Conversations that take turns over the slots of the default model, by the rule that reuses all that was known.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createArchive } from '../../src/archive/create-archive.ts';
import type { Engine } from '../../src/engine/engine.ts';
import type { LlamaEngine } from '../../src/engine/llama/llama-engine.ts';
import { type Generated, generateOn, loadEngine } from './generation.ts';

const conversationBytes = 100_000_000;
const openings = ['a fox and a hen', 'the price of ten boats', 'a poem on rain'];

/** A chat of the default model's template. */
class Chat {
  #text: string;

  readonly #tenant: string | undefined;
  #answers = 0;

  constructor(system: string, tenant?: string) {
    this.#tenant = tenant;
    this.#text = `<|im_start|>system\n${system}<|im_end|>\n`;
  }

  async ask(engine: Engine, question: string): Promise<Generated> {
    this.#text += `<|im_start|>user\n${question}<|im_end|>\n<|im_start|>assistant\n`;
    const answer = await generateOn(engine, this.#text, {
      ...(this.#tenant && { turn: { tenant: this.#tenant, continues: this.#answers > 0 } }),
    });
    this.#answers += 1;
    this.#text += `${answer.text}<|im_end|>\n`;
    return answer;
  }
}

const system = 'You are a helpful teller of tales, and you always answer in one short and simple sentence.';

/** Three turns of each chat, one chat after the other in each turn, or one chat as a whole after the other. */
async function talk(engine: Engine, inTurn: boolean): Promise<Generated[][]> {
  const chats = openings.map(() => new Chat(system));
  const answers: Generated[][] = chats.map(() => []);
  const ask = async (index: number, turn: number) => {
    const question = `Question ${turn}: tell me about ${openings[index]}, please.`;
    const answer = await chats[index]?.ask(engine, question);
    if (answer) answers[index]?.push(answer);
  };
  const turns = [1, 2, 3];
  if (inTurn) for (const turn of turns) for (const index of chats.keys()) await ask(index, turn);
  else for (const index of chats.keys()) for (const turn of turns) await ask(index, turn);
  return answers;
}

describe('chats in turn over one slot', () => {
  let engine: Engine;
  beforeAll(async () => {
    engine = await loadEngine({ rule: 'common', conversationBytes });
  });
  afterAll(() => engine[Symbol.asyncDispose]());

  it('evaluate no more and answer no other than one after the other', async () => {
    const inTurn = await talk(engine, true);
    await using other = await loadEngine({ rule: 'common', conversationBytes });
    const alone = await talk(other, false);

    const counts = (answers: Generated[][]) =>
      answers.map((turns) => turns.map(({ cachedTokens, promptTokens }) => [cachedTokens, promptTokens]));
    expect(inTurn.map((turns) => turns.map(({ text }) => text))).toEqual(
      alone.map((turns) => turns.map(({ text }) => text)),
    );
    expect(counts(inTurn).map((turns) => turns.slice(1))).toEqual(
      counts(alone).map((turns) => turns.slice(1)),
    );
    // The second turn has the first one's prompt and answer, but the last token, which was chosen and not evaluated.
    for (const [first, second] of inTurn) {
      const { cachedTokens = 0, promptTokens = 0, completionTokens = 0 } = first ?? {};
      expect(second?.cachedTokens).toBe(cachedTokens + promptTokens + completionTokens - 1);
      expect(second?.promptTokens).toBeLessThan(40);
    }
  });

  it('have the system prompt from each other', async () => {
    const chat = new Chat(system);
    const { cachedTokens } = await chat.ask(engine, 'What is the moon made of?');

    expect(cachedTokens).toBeGreaterThanOrEqual(
      engine.tokenize(`<|im_start|>system\n${system}<|im_end|>\n`).length,
    );
  });
});

describe('chats over two slots', () => {
  it('return to either', async () => {
    await using engine = await loadEngine({ rule: 'common', conversationBytes, slots: 2 });
    const answers = await talk(engine, true);

    for (const turns of answers)
      for (const { promptTokens } of turns.slice(1)) expect(promptTokens).toBeLessThan(40);
  });
});

describe('a prompt that is answered again', () => {
  it('takes all but its last token from the cache', async () => {
    await using engine = await loadEngine({ rule: 'common' });
    const prompt = engine.tokenize('Once upon a time there was a fox who knew a hen by the river.');
    await generateOn(engine, prompt);

    expect(await generateOn(engine, prompt)).toMatchObject({
      cachedTokens: prompt.length - 1,
      promptTokens: 1,
    });
    expect(await generateOn(engine, prompt, { cachePrompt: false })).toMatchObject({ cachedTokens: 0 });
  });
});

describe('a chat whose process has ended', () => {
  it('goes on from a folder with no more than its new tokens', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'gguf-lambda-states-'));
    const open = async () =>
      loadEngine({
        rule: 'common',
        conversationBytes,
        archive: {
          archive: await createArchive(
            { name: 'CACHE', kind: 'folder', directory, megabytes: 100, days: 1 },
            { warn: (message) => expect.unreachable(message) },
          ),
          model: 'model',
        },
      });
    try {
      const chat = new Chat(`${system} ${system} ${system} ${system}`, 'one');
      const alone = new Chat(`${system} ${system} ${system} ${system}`);
      const engines = [await open(), await open()];
      const [first, second] = engines as [LlamaEngine, LlamaEngine];
      const answer = await chat.ask(first, 'What is a river?');
      const same = await alone.ask(first, 'What is a river?');
      await first.settled();
      const next = await chat.ask(second, 'And what is a lake?');

      expect(next.cachedTokens).toBe(answer.promptTokens + answer.completionTokens - 1);
      expect(next.text).toBe((await alone.ask(first, 'And what is a lake?')).text);
      expect(same.text).toBe(answer.text);
      for (const engine of engines) await engine[Symbol.asyncDispose]();
    } finally {
      rmSync(directory, { recursive: true });
    }
  });
});

describe('a user who takes time to write the next question', () => {
  const pauseMs = 200;

  it('waits for the evaluation of the question alone', async () => {
    await using engine = await loadEngine({ rule: 'common', anticipates: true });
    const before = '<|im_start|>user\n';
    const behind = 'And why is that?<|im_end|>\n<|im_start|>assistant\n';
    let chats = 0;
    // A busy machine may not have evaluated what is expected by then.
    await expect
      .poll(async () => {
        chats += 1;
        const opening = `${before}Tell me about the number ${chats}.<|im_end|>\n<|im_start|>assistant\n`;
        const { text } = await generateOn(engine, opening);
        const expected = `${opening}${text}<|im_end|>\n${before}`;
        engine.anticipate(async () => ({ prompt: engine.tokenize(expected) }));
        await delay(pauseMs);
        return (await generateOn(engine, expected + behind)).promptTokens;
      })
      .toBe(engine.tokenizeText(behind, { special: true }).length);
    expect(engine.load).toEqual({ running: 0, waiting: 0 });
  });

  it('disturbs nobody: what is expected ends when somebody asks, and the engine goes on', async () => {
    await using engine = await loadEngine({ rule: 'common', anticipates: true });
    const opening = await generateOn(engine, 'A list of words:');
    const expected = `A list of words:${opening.text}${' and so on'.repeat(100)}`;
    for (let round = 0; round < 10; round += 1) {
      const called = Promise.withResolvers<void>();
      engine.anticipate(async () => {
        called.resolve();
        return { prompt: engine.tokenize(expected) };
      });
      await called.promise;
      expect((await generateOn(engine, `Word ${round} is`)).text).not.toBe('');
      expect(engine.load).toEqual({ running: 0, waiting: 0 });
    }
    const fresh = await generateOn(engine, 'The capital of France is', { cachePrompt: false });
    expect((await generateOn(engine, 'The capital of France is', { cachePrompt: false })).text).toBe(
      fresh.text,
    );
  });
});
