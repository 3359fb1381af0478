import { describe, expect, it } from 'vitest';
import { ConversationArchive } from '../../../../src/engine/cache/conversation-archive.ts';
import { ConversationCache } from '../../../../src/engine/cache/conversation-cache.ts';
import type { Token } from '../../../../src/engine/engine.ts';
import type { StateArchive } from '../../../../src/engine/state-archive.ts';

const end = 0;
const answer = Array.from({ length: 100 }, (_, index) => 1 + (index % 50));
const turn = { tenant: 'one', continues: true };
const request = { prompt: [...answer, end, 60, 61], turn };

class MemoryArchive implements StateArchive {
  readonly states = new Map<string, Uint8Array>();
  readonly looks: string[] = [];
  readMs = 1;
  writeMs = 1;
  readonly expected = { readMs: () => this.readMs, writeMs: () => this.writeMs };

  async read(key: string): Promise<Uint8Array | undefined> {
    this.looks.push(key);
    return this.states.get(key);
  }

  async write(key: string, state: Uint8Array): Promise<void> {
    this.states.set(key, state);
  }
}

function create({
  archive = new MemoryArchive(),
  identity = 'model',
  prefillMs = 1000,
  limitBytes = 1_000_000,
} = {}) {
  const conversations = new ConversationCache({ limitBytes, isIndivisible: false });
  const conversationArchive = new ConversationArchive({
    archive,
    identity,
    stateBytes: (tokens) => 10 * tokens,
    conversations,
    expectPrefill: () => prefillMs,
    isEndOfGeneration: (token) => token === end,
    clock: { now: () => 1000 },
  });
  const save = async (tokens: readonly Token[], options: object = {}) => {
    // The last token of an answer is not evaluated.
    const read = { held: { tokens: tokens.slice(0, -1), prefilled: 0 }, state: Uint8Array.of(1, 2, 3) };
    const asked = { prompt: tokens.slice(0, 5), turn, ...options };
    conversationArchive.save(asked, tokens.slice(5), Promise.resolve(read));
    await conversationArchive.settled();
  };
  return { archive, conversations, conversationArchive, save };
}

describe('a conversation in the archive', () => {
  it('comes back in another process, by one look', async () => {
    const first = create();
    await first.save(answer);
    const second = create({ archive: first.archive });
    await second.conversationArchive.restore(request, 0, undefined);

    expect(first.archive.looks).toHaveLength(1);
    const found = second.conversations.find(({ tokens }) => tokens.length);
    expect(found?.tokens).toEqual(answer.slice(0, -1));
    expect(found?.toStates().map(({ bytes }) => [...bytes])).toEqual([[1, 2, 3]]);
  });

  it.each([
    ['of another tenant', { ...request, turn: { tenant: 'two', continues: true } }, {}],
    ['of another model', request, { identity: 'other' }],
    ['of other tokens', { ...request, prompt: [9, ...request.prompt.slice(1)] }, {}],
    ['of a chat without an answer', { ...request, turn: { tenant: 'one', continues: false } }, {}],
    ['of no chat', { prompt: request.prompt }, {}],
  ])('is not given to a request %s', async (_, other, options) => {
    const { archive, save } = create();
    await save(answer);
    const { conversationArchive, conversations } = create({ archive, ...options });
    await conversationArchive.restore(other, 0, undefined);

    expect(conversations.size).toBe(0);
  });

  it('is not looked for where the process has it, or evaluates it sooner', async () => {
    const { archive, save } = create();
    await save(answer);
    const { conversationArchive } = create({ archive });
    await conversationArchive.restore(request, 90, undefined);
    archive.readMs = 5000;
    await conversationArchive.restore(request, 0, undefined);

    expect(archive.looks).toEqual([]);
  });

  it('is not read where there is no room for its state', async () => {
    const { archive, save } = create();
    await save(answer);
    const { conversationArchive, conversations } = create({ archive, limitBytes: 2 });
    await conversationArchive.restore(request, 0, undefined);
    await conversationArchive.restore(request, 0, undefined);

    expect(archive.looks).toHaveLength(1);
    expect(conversations.size).toBe(0);
  });

  it('may have more tokens than a call has arguments', async () => {
    const { archive, save } = create();
    await save(Array.from({ length: 200_000 }, (_, index) => 1 + (index % 50)));

    expect([...archive.states.values()].map(({ byteLength }) => byteLength)).toEqual([4 * 200_000 + 3]);
  });

  it('is looked for while nobody knows how long its evaluation takes', async () => {
    const { archive, conversationArchive } = create({ prefillMs: 0 });
    archive.readMs = 5000;
    await conversationArchive.restore(request, 0, undefined);

    expect(archive.looks).toHaveLength(1);
  });

  it('is waited for until it is written, or only for a while beyond the expected end', async () => {
    const archive = new MemoryArchive();
    const stalled = Promise.withResolvers<void>();
    archive.write = () => stalled.promise;
    const { conversationArchive, save } = create({ archive });
    const written = save(answer);
    let isWritten = false;
    void written.then(() => {
      isWritten = true;
    });
    await conversationArchive.settled(20);

    expect(isWritten).toBe(false);
    stalled.resolve();
    await written;
  });

  it.each([
    ['is short', answer.slice(0, 10), {}, {}],
    ['belongs to nobody', answer, { turn: undefined }, {}],
    ['would not be written in time', answer, { endBy: 1500 }, { writeMs: 600 }],
    ['would not be read sooner than evaluated', answer, {}, { readMs: 5000 }],
  ])('is not kept when it %s', async (_, tokens, options, times) => {
    const { archive, save } = create();
    Object.assign(archive, times);
    await save(tokens, options);

    expect(archive.states.size).toBe(0);
  });

  it('is passed over when it is damaged', async () => {
    const { archive, save, conversationArchive, conversations } = create();
    await save(answer);
    for (const [key, state] of archive.states) archive.states.set(key, state.slice(0, 50));
    await conversationArchive.restore(request, 0, undefined);

    expect(conversations.size).toBe(0);
  });
});
