import { mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it, vi } from 'vitest';
import { ConversationCache } from '../../../../src/engine/cache/conversation-cache.ts';
import type { Token } from '../../../../src/engine/engine.ts';
import { KnownPrefixes } from '../../../../src/engine/prompt/known-prefixes.ts';
import { PrefixSnapshots } from '../../../../src/engine/prompt/prefix-snapshots.ts';
import type { Sequence } from '../../../../src/engine/sequence/sequence.ts';
import {
  createSequences,
  generate,
  generateCold,
  promptOf,
  type SequenceOptions,
  start,
  toRequest,
  toTokens,
} from './create-sequences.ts';

const prompt = promptOf(200);

describe('a prompt that begins as the last one did', () => {
  it('reuses the common blocks, and gives the text of a cold start', async () => {
    const { sequence, context } = createSequences();
    await generate(sequence, prompt);
    const other = [...prompt.slice(0, 150), ...promptOf(60, 1)];
    const { text, summary } = await generate(sequence, other);

    expect(summary).toMatchObject({ cachedTokens: 128, promptTokens: 82, unevaluatedTokens: 0 });
    expect(text).toBe(await generateCold(other));
    expect(context.heldBy(0).slice(0, 210)).toEqual(other);
  });

  it('reuses nothing that was generated', async () => {
    const { sequence, context } = createSequences();
    await generate(sequence, prompt, { maxTokens: 80 });
    const longer = [...context.heldBy(0), 1, 2, 3];

    expect(longer.length).toBeGreaterThan(256);
    expect((await generate(sequence, longer)).summary.cachedTokens).toBe(192);
  });

  it('reuses nothing when the request forbids it or asks for scores of its prompt', async () => {
    const { sequence } = createSequences();
    await generate(sequence, prompt);

    expect((await generate(sequence, prompt, { cachePrompt: false })).summary.cachedTokens).toBe(0);
    expect((await generate(sequence, prompt, { promptLogprobs: true })).summary.cachedTokens).toBe(0);
    expect((await generate(sequence, prompt)).summary.cachedTokens).toBe(192);
  });

  it('reuses nothing on a model that cannot forget', async () => {
    const { sequence } = createSequences({ canForget: false });
    const text = await generateCold(prompt);

    for (let times = 0; times < 2; times += 1)
      expect(await generate(sequence, prompt)).toMatchObject({ text, summary: { cachedTokens: 0 } });
    expect(sequence.reusableTokens(toRequest(prompt))).toBe(0);
  });

  it('reuses tokens only on the sequence that holds them', async () => {
    const { sequences, sequence } = createSequences({ sequences: 2 });
    await generate(sequence, prompt);

    expect(sequences.map((each) => each.reusableTokens(toRequest(prompt)))).toEqual([192, 0]);
  });
});

describe('a repeated prompt', () => {
  it.each([0, 1])(
    'evaluates nothing, and gives the text of a cold start at temperature %i',
    async (temperature) => {
      const { sequence, context } = createSequences();
      const options = { sampling: { ...toRequest([]).sampling, temperature, seed: 7 } };
      await generate(sequence, prompt, { maxTokens: 1 });
      const before = context.evaluated;
      const { text, summary } = await generate(sequence, prompt, { ...options, maxTokens: 1 });

      expect(context.evaluated).toBe(before);
      expect(summary).toMatchObject({ cachedTokens: 200, promptTokens: 0, completionTokens: 1 });
      expect(text).toBe(await generateCold(prompt, { ...options, maxTokens: 1 }));
    },
  );

  it('evaluates nothing the third time either', async () => {
    const { sequence } = createSequences();
    await generate(sequence, prompt, { maxTokens: 1 });
    await generate(sequence, prompt, { maxTokens: 1 });

    expect((await generate(sequence, prompt)).summary.cachedTokens).toBe(200);
  });

  it('is evaluated again when other sequences may overwrite its logits', async () => {
    const { sequence } = createSequences({ sequences: 2 });
    await generate(sequence, prompt, { maxTokens: 1 });

    expect((await generate(sequence, prompt)).summary.cachedTokens).toBe(192);
  });

  it('is evaluated again when it asks for 0 tokens or for scores', async () => {
    for (const options of [{ maxTokens: 0 }, { promptLogprobs: true, logprobs: 0, maxTokens: 1 }]) {
      const { sequence } = createSequences();
      await generate(sequence, prompt, { maxTokens: 1 });
      const { summary } = await generate(sequence, prompt, options);

      expect(summary.cachedTokens).toBe(options.maxTokens === 0 ? 192 : 0);
    }
  });

  it('is not mistaken for another prompt of the same length', async () => {
    const { sequence } = createSequences();
    await generate(sequence, prompt, { maxTokens: 1 });
    const other = [...prompt.slice(0, 199), 1 + ((prompt[199] ?? 0) % 26)];
    const { text, summary } = await generate(sequence, other);

    expect(summary.cachedTokens).toBe(192);
    expect(text).toBe(await generateCold(other));
  });

  it('is evaluated again when its end was generated', async () => {
    const { sequence, context } = createSequences();
    await generate(sequence, prompt, { maxTokens: 30 });
    const grown = [...context.heldBy(0)];

    expect(grown).toHaveLength(229);
    expect((await generate(sequence, grown)).summary.cachedTokens).toBe(192);
  });

  it('is evaluated again when its answer was evaluated since', async () => {
    const { sequence } = createSequences();
    await generate(sequence, prompt, { maxTokens: 2 });

    expect((await generate(sequence, prompt)).summary.cachedTokens).toBe(192);
  });

  it('evaluates nothing on a model that cannot forget', async () => {
    const { sequence } = createSequences({ canForget: false });
    await generate(sequence, prompt, { maxTokens: 1 });

    expect((await generate(sequence, prompt)).summary.cachedTokens).toBe(200);
  });
});

describe('the common rule', () => {
  const chat = async (sequence: Sequence<string>, turns: number) => {
    const cached: number[] = [];
    let text: readonly Token[] = prompt;
    for (let turn = 0; turn < turns; turn += 1) {
      const generation = await generate(sequence, text);
      cached.push(text.length - generation.summary.promptTokens);
      expect(generation.text).toBe(await generateCold(text));
      text = [...text, ...toTokens(generation.text), ...promptOf(10, turn)];
    }
    return cached;
  };

  it('reuses an answer in the next turn of a chat', async () => {
    const { sequence, context } = createSequences({ rule: 'common' });

    // The last token of an answer has not been evaluated.
    expect(await chat(sequence, 3)).toEqual([0, 207, 225]);
    expect(context.decodes.filter(({ tokens }) => tokens.length === 11)).toHaveLength(2);
  });

  it('reuses an answer on a model that can only go on', async () => {
    const { sequence } = createSequences({ rule: 'common', canForget: false });

    expect(await chat(sequence, 3)).toEqual([0, 207, 225]);
    expect((await generate(sequence, prompt)).summary.cachedTokens).toBe(0);
  });

  it('goes back to before an answer on a model that can only go on', async () => {
    const conversations = new ConversationCache({ limitBytes: 100_000, isIndivisible: true });
    const { sequence } = createSequences({ rule: 'common', canForget: false, conversations });
    await generate(sequence, prompt);
    // The answer is rendered in another way.
    const next = [...prompt, ...promptOf(30, 5)];
    const { text, summary } = await generate(sequence, next);

    expect(summary.cachedTokens).toBe(192);
    expect(text).toBe(await generateCold(next));
  });

  describe('on a model with a sliding window', () => {
    const create = (options: SequenceOptions = {}) => {
      const conversations = new ConversationCache({ limitBytes: 100_000, isIndivisible: true });
      // A window of 50 tokens, and cells for 64 more.
      const windowRing = { window: 50, cells: 114 };
      const ring = { windowRing, longestDecode: 64, conversations };
      return { conversations, ...createSequences({ rule: 'common', ...ring, ...options }) };
    };
    /** The answer is rendered in another way. */
    const next = [...prompt, ...promptOf(30, 5)];

    it('goes back where the window before it is still there, without a copy of the state', async () => {
      const { sequence, conversations } = create();
      await generate(sequence, prompt, { maxTokens: 40 });
      expect(conversations.size).toBe(0);
      const { text, summary } = await generate(sequence, next);

      expect(summary.cachedTokens).toBe(200);
      expect(text).toBe(await generateCold(next));
    });

    it('goes back to the state before the answer where the window has slid on', async () => {
      const { sequence, conversations } = create();
      await generate(sequence, prompt, { maxTokens: 100 });
      expect(conversations.size).toBe(1);
      const { text, summary } = await generate(sequence, next);

      expect(summary.cachedTokens).toBe(192);
      expect(text).toBe(await generateCold(next));
    });

    it('evaluates all where no state was kept', async () => {
      const conversations = new ConversationCache({ limitBytes: 1000, isIndivisible: true });
      const { sequence } = create({ conversations });
      await generate(sequence, prompt, { maxTokens: 100 });
      const reads = conversations.mayHold(192);
      const { text, summary } = await generate(sequence, next);

      expect([reads, summary.cachedTokens]).toEqual([false, 0]);
      expect(text).toBe(await generateCold(next));
    });

    it('goes on behind an answer of any length', async () => {
      const { sequence } = create();
      const answer = toTokens((await generate(sequence, prompt, { maxTokens: 100 })).text);

      expect((await generate(sequence, [...prompt, ...answer, 1])).summary.cachedTokens).toBe(299);
    });

    it('guesses only in a context of one sequence', async () => {
      const repeats = (tokens: readonly Token[]) => 1 + (tokens.length % 3);
      const options = { lookupTokens: 4, next: repeats };
      for (const [sequences, guesses] of [
        [1, true],
        [2, false],
      ] as const) {
        const { sequence, context } = create({ ...options, sequences });
        await generate(sequence, prompt, { maxTokens: 30 });
        const behind = context.decodes.slice(context.decodes.findIndex(({ tokens }) => tokens.length === 1));
        expect(behind.some(({ tokens }) => tokens.length > 1)).toBe(guesses);
      }
    });

    it('reuses by the exact rule only while each layer has all of the text', async () => {
      const { sequence } = create({ rule: 'exact' });
      const [short, long] = [promptOf(90), promptOf(150, 1)];
      await generate(sequence, short);
      expect((await generate(sequence, [...short, 1])).summary.cachedTokens).toBe(64);
      await generate(sequence, long);
      expect((await generate(sequence, [...long, 1])).summary.cachedTokens).toBe(0);
    });
  });

  it('gives way to the exact one where a request asks for it', async () => {
    const { sequence } = createSequences({ rule: 'common' });
    await generate(sequence, prompt);
    const exact = await generate(sequence, [...prompt, 1, 2], { cachePrompt: 'exact' });
    const again = await generate(sequence, [...prompt, 1, 2, 3], { cachePrompt: 'exact' });

    // A prompt of the common rule is not cut where a cold start cuts it.
    expect([exact.summary.cachedTokens, again.summary.cachedTokens]).toEqual([0, 192]);
  });
});

describe('conversations that lost their slot', () => {
  const create = (options: SequenceOptions = {}) => {
    const conversations = new ConversationCache({ limitBytes: 100_000, isIndivisible: false });
    return { conversations, ...createSequences({ rule: 'common', conversations, ...options }) };
  };

  it('are restored when they return', async () => {
    const { sequence, context } = create();
    const [one, other] = [promptOf(200, 1), promptOf(200, 2)];
    const answer = toTokens((await generate(sequence, one)).text);
    await generate(sequence, other);
    const next = [...one, ...answer, 1, 2];
    const { text, summary } = await generate(sequence, next);

    expect(summary.cachedTokens).toBe(207);
    expect(text).toBe(await generateCold(next));
    expect(context.heldBy(0).slice(0, next.length)).toEqual(next);
  });

  it('serve another slot', async () => {
    const { sequences, conversations } = create({ sequences: 2 });
    const [first, second] = sequences as [Sequence<string>, Sequence<string>];
    await generate(first, promptOf(200, 1));
    await generate(first, promptOf(200, 2));

    expect(conversations.size).toBe(1);
    expect((await generate(second, [...promptOf(200, 1), 1])).summary.cachedTokens).toBe(200);
  });

  it('are not kept for a few tokens', async () => {
    const { sequence, conversations } = create();
    await generate(sequence, promptOf(200, 1), { maxTokens: 4 });
    await generate(sequence, [...promptOf(200, 1), 1]);

    expect(conversations.size).toBe(0);
  });

  it('are evaluated again when their state cannot be written', async () => {
    const { sequence, context, conversations } = create();
    await generate(sequence, promptOf(200, 1));
    await generate(sequence, promptOf(200, 2));
    context.onWrite = () => {
      throw new Error('does not fit');
    };
    const { text, summary } = await generate(sequence, promptOf(200, 1));

    expect(summary.cachedTokens).toBe(0);
    expect(text).toBe(await generateCold(promptOf(200, 1)));
    expect(conversations.size).toBe(1);
  });
});

describe('a snapshot of a known prefix', () => {
  const folder = mkdtempSync(join(tmpdir(), 'snapshots-'));
  const key = { model: 'm', release: 'r', flashAttention: true, kvType: 'f16' } as const;
  const long = { name: 'long', tokens: prompt.slice(0, 100) };
  const short = { name: 'short', tokens: prompt.slice(0, 40) };
  const other = { name: 'other', tokens: promptOf(120, 1) };
  const warn = vi.spyOn(process.stderr, 'write').mockReturnValue(true);

  afterEach(() => warn.mockClear());
  afterAll(() => {
    warn.mockRestore();
    rmSync(folder, { recursive: true });
  });

  /** Bakes the prefixes; `contents` replaces the tokens of their states. */
  async function bake(
    contents: { readonly long?: readonly Token[]; readonly short?: readonly Token[] } = {},
  ) {
    const directory = mkdtempSync(join(folder, 'baked-'));
    const known = new KnownPrefixes([short, long, other]);
    const { sequence } = createSequences({ snapshots: PrefixSnapshots.unsaved(known) });
    const path = (name: string) => join(directory, PrefixSnapshots.fileOf(name));
    for (const prefix of known.all) await sequence.saveSnapshot(prefix, path(prefix.name));
    for (const [name, tokens] of Object.entries(contents)) writeFileSync(path(name), JSON.stringify(tokens));
    PrefixSnapshots.write(directory, key, known.all);
    return { snapshots: PrefixSnapshots.read(directory, key), path };
  }

  const warnings = () => warn.mock.calls.map(([line]) => String(line));

  it('is restored by a prompt that begins with it, and gives the text of a cold start', async () => {
    const { snapshots } = await bake();
    const { sequence, context } = createSequences({ snapshots });
    const { text, summary } = await generate(sequence, prompt);

    expect(summary).toMatchObject({ cachedTokens: 100, promptTokens: 100 });
    expect(text).toBe(await generateCold(prompt));
    expect(context.decodes[0]?.tokens).toEqual(prompt.slice(100, 128));
  });

  it('replaces fewer reusable tokens, but not more', async () => {
    const { snapshots } = await bake();
    const { sequence } = createSequences({ snapshots });
    await generate(sequence, prompt.slice(0, 70));
    expect((await generate(sequence, prompt)).summary.cachedTokens).toBe(100);

    expect((await generate(sequence, [...prompt.slice(0, 190), 1])).summary.cachedTokens).toBe(128);
    expect((await generate(sequence, [...prompt.slice(0, 90), 1])).summary.cachedTokens).toBe(64);
  });

  it('is not restored when the request forbids the cache', async () => {
    const { snapshots } = await bake();
    const { sequence } = createSequences({ snapshots });

    expect((await generate(sequence, prompt, { cachePrompt: false })).summary.cachedTokens).toBe(0);
  });

  it.each<[string, (path: string) => void, string]>([
    ['damaged', (path) => writeFileSync(path, '[1, 2'), 'its content is damaged'],
    ['missing', (path) => rmSync(path), 'ENOENT'],
  ])('is skipped for a shorter one when it is %s, with one warning', async (_, spoil, reason) => {
    const { snapshots, path } = await bake();
    spoil(path('long'));
    const { sequence } = createSequences({ snapshots });
    const text = await generateCold(prompt);

    for (let times = 0; times < 2; times += 1) {
      const options = { cachePrompt: times === 0 };
      expect(await generate(sequence, prompt, options)).toMatchObject({
        text,
        summary: { cachedTokens: times === 0 ? 40 : 0 },
      });
    }
    expect(warnings()).toEqual([expect.stringContaining(reason)]);
  });

  it('is skipped for a shorter one when its file was replaced after it was restored', async () => {
    const { snapshots, path } = await bake();
    expect((await generate(createSequences({ snapshots }).sequence, prompt)).summary.cachedTokens).toBe(100);
    // The same tokens, as another model's state has them.
    writeFileSync(path('long'), JSON.stringify(long.tokens, null, 1));
    utimesSync(path('long'), 1, 1);

    expect((await generate(createSequences({ snapshots }).sequence, prompt)).summary.cachedTokens).toBe(40);
    expect(warnings()).toEqual([expect.stringContaining('its content is damaged')]);
  });

  it('is skipped for a shorter one when it holds other tokens', async () => {
    const { snapshots } = await bake({ long: [...long.tokens.slice(0, 99), 5] });
    const { sequence } = createSequences({ snapshots });
    const { text, summary } = await generate(sequence, prompt);

    expect(summary.cachedTokens).toBe(40);
    expect(text).toBe(await generateCold(prompt));
    expect(warnings()).toEqual([expect.stringContaining('it holds other tokens')]);
  });

  it('does no harm when it is unusable: the prompt is evaluated from its beginning', async () => {
    const { snapshots } = await bake({ long: [1], short: [2] });
    const { sequence } = createSequences({ snapshots });
    await generate(sequence, promptOf(80, 1));
    const { text, summary } = await generate(sequence, prompt);

    expect(summary.cachedTokens).toBe(0);
    expect(text).toBe(await generateCold(prompt));
    expect(warnings()).toHaveLength(2);
  });

  it('empties the sequence when it is unusable', async () => {
    const { snapshots } = await bake({ long: [1] });
    const { sequence } = createSequences({ snapshots });
    await generate(sequence, prompt.slice(0, 70));
    const { text, summary } = await generate(sequence, prompt);

    expect(summary.cachedTokens).toBe(0);
    expect(text).toBe(await generateCold(prompt));
  });

  it('is baked from its own tokens only', async () => {
    const { snapshots } = await bake();
    const { sequence } = createSequences({ snapshots });
    const text = [...other.tokens, 1, 2];

    expect((await generate(sequence, text)).summary.cachedTokens).toBe(120);
  });

  it('can be restored before any prompt', async () => {
    const { snapshots } = await bake();
    const { sequence, context } = createSequences({ snapshots });
    await sequence.restore(long);

    expect(context.heldBy(0)).toEqual(long.tokens);
    expect(sequence.reusableTokens(toRequest(prompt))).toBe(100);
  });

  it('is restored after a generation whose iteration ended early', async () => {
    const { snapshots } = await bake();
    const { sequence } = createSequences({ snapshots });
    const left = start(sequence, toRequest(promptOf(80, 1), { maxTokens: 50 }));
    await left.next();
    await left.return();

    expect((await generate(sequence, prompt)).summary.cachedTokens).toBe(100);
  });
});

describe('a prompt of a scope of its own', () => {
  it('reuses what the same scope has left, and nothing of another', async () => {
    const { sequence } = createSequences();
    await generate(sequence, prompt, { cacheScope: 'one' });

    expect((await generate(sequence, prompt, { cacheScope: 'one' })).summary.cachedTokens).toBe(192);
    expect((await generate(sequence, prompt, { cacheScope: 'other' })).summary.cachedTokens).toBe(0);
    expect((await generate(sequence, prompt)).summary.cachedTokens).toBe(0);
    expect(sequence.reusableTokens(toRequest(prompt, { cacheScope: 'one' }))).toBe(0);
  });
});
