// Measures the first token of every turn of chats: one chat, several in turn over one slot, and several at once over four
// slots behind one system prompt. Who chats in turn takes a moment to write, as people do.
import { setTimeout as delay } from 'node:timers/promises';
import { Chat, type ChatMessage, type ChatOptions } from '../chat.ts';
import { type Measurement, type Sample, threadsVariant, toSamples } from '../measurement.ts';
import { privateBytes } from '../process-memory.ts';
import { textOfTokens } from '../prompts.ts';
import { type Server, startServers } from '../subjects/server-process.ts';
import type { Subject } from '../subjects/subject.ts';

const turns = 8;
const questionTokens = 60;
const shortQuestionTokens = 20;
const answerTokens = 100;
const systemTokens = 500;
/** Before each question of chats in turn. */
const writingMs = 300;
/** Tokens per slot. The longest chat takes a third of it with the system prompt. */
const contextSize = 4096;
/** Tokens of a chat at its end, and room. */
const longestChat = 2048;

interface Scene {
  readonly name: string;
  readonly chats: number;
  readonly slots: number;
  readonly systemPrompt?: boolean;
  /** Default: questions of {@link questionTokens}. */
  readonly hasShortQuestions?: boolean;
  /**
   * Whether each chat asks again as soon as it has its answer, as a program does, and all chats at once. Default: people, who write one
   * question of each chat after another.
   */
  readonly hurries?: boolean;
}

const scenes: readonly Scene[] = [
  { name: 'one chat', chats: 1, slots: 1 },
  { name: 'one chat of a program', chats: 1, slots: 1, hurries: true },
  { name: 'one chat of short questions', chats: 1, slots: 1, hasShortQuestions: true },
  { name: 'two chats in turn', chats: 2, slots: 1 },
  { name: 'eight chats in turn', chats: 8, slots: 1 },
  {
    name: 'eight chats at once over four slots, one system prompt',
    chats: 8,
    slots: 4,
    hurries: true,
    systemPrompt: true,
  },
];

export const sceneNames: readonly string[] = scenes.map(({ name }) => name);

export const conversation: Measurement = {
  name: 'conversation',
  description: `first token of each turn, mean of the chats: questions of ${questionTokens} or ${shortQuestionTokens} tokens, which people take ${writingMs} ms to write, answers of ${answerTokens}`,
  metrics: [
    ...Array.from({ length: turns }, (_, turn) => ({
      name: toMetric(turn),
      unit: 'ms',
      better: 'lower' as const,
      goal: { timesOf: 'llama-server', atMost: 1 },
    })),
    { name: 'private memory', unit: 'MB', better: 'lower' },
  ],
  async run({ subjects: [own, ...peers], model, threads, rounds, scenes: wanted = sceneNames }) {
    const peer = peers.find(({ name }) => name === 'llama-server');
    const samples: Sample[] = [];
    for (const scene of scenes.filter(({ name }) => wanted.includes(name))) {
      const settings = { model, threads, slots: scene.slots, contextSize };
      const takesTurns = scene.chats > 1 && !scene.hurries;
      const subjects = [own, peer, takesTurns && peer ? withSlotForEach(peer, scene.chats) : undefined];
      await using started = await startServers(
        subjects.filter((subject) => subject !== undefined),
        settings,
      );
      const options = { model: model.name, answerTokens };
      const variant = `${scene.name}, ${threadsVariant(threads)}`;
      for (let round = -1; round < rounds; round += 1) {
        const talks = started.servers.map((server) => new Talk(server, scene, options, round));
        // The warm-up does not need the whole conversation.
        await (scene.hurries ? takeWhole : takeByQuestion)(talks, round, round < 0 ? 2 : turns);
        if (round < 0) continue;
        for (const { subject, values } of talks) {
          samples.push(...toSamples(conversation, { variant, subject, round }, values));
        }
      }
    }
    return samples;
  },
};

/**
 * llama-server with a slot for each chat and one cache for all slots: chats that wait stay in the cache, whose cells each token looks
 * at. The other way to keep chats is to take their states out of the cache, as this project does, and llama-server with one slot.
 */
function withSlotForEach(llamaServer: Subject, chats: number): Subject {
  return {
    ...llamaServer,
    name: `${llamaServer.name}, a slot for each chat`,
    command: (settings, port, sparePort) => {
      const { args, ...command } = llamaServer.command(
        { ...settings, slots: chats, contextSize: longestChat },
        port,
        sparePort,
      );
      return { ...command, args: [...args, '--kv-unified'] };
    },
  };
}

function toMetric(turn: number): string {
  return `first token, turn ${turn + 1}`;
}

/** One round of a scene with one server. */
class Talk {
  readonly subject: string;
  readonly speakers: readonly Speaker[];
  readonly #pid: number;

  constructor(server: Server, scene: Scene, options: ChatOptions, round: number) {
    const system: ChatMessage[] = scene.systemPrompt
      ? [{ role: 'system', content: textOfTokens(systemTokens, round) }]
      : [];
    this.subject = server.subject;
    this.speakers = Array.from({ length: scene.chats }, (_, index) => {
      return new Speaker(new Chat(server, options, system), scene, ((round + 1) * 8 + index) * turns);
    });
    this.#pid = server.pid;
  }

  /** By metric: the mean of the chats for each turn, and the memory. */
  get values(): Record<string, number> {
    const means = Array.from({ length: turns }, (_, turn) => {
      return this.speakers.reduce((sum, { waits }) => sum + (waits[turn] ?? 0), 0) / this.speakers.length;
    });
    return {
      ...Object.fromEntries(means.map((mean, turn) => [toMetric(turn), mean])),
      'private memory': privateBytes(this.#pid) / 1e6,
    };
  }
}

/** Whoever has a chat with a server. */
class Speaker {
  /** Milliseconds to the first token of each turn. */
  readonly waits: number[] = [];
  readonly #chat: Chat;
  readonly #scene: Scene;
  readonly #firstQuestion: number;

  constructor(chat: Chat, scene: Scene, firstQuestion: number) {
    this.#chat = chat;
    this.#scene = scene;
    this.#firstQuestion = firstQuestion;
  }

  async ask(): Promise<void> {
    if (!this.#scene.hurries) await delay(writingMs);
    this.waits.push(await this.#chat.ask(toQuestion(this.#scene, this.#firstQuestion + this.waits.length)));
  }

  async askAll(count: number): Promise<void> {
    while (this.waits.length < count) await this.ask();
  }
}

/** One server after another, because who asks at once leaves a server no time. The order reverses with each round. */
async function takeWhole(talks: readonly Talk[], round: number, count: number): Promise<void> {
  for (const { speakers } of round % 2 === 0 ? talks : talks.toReversed()) {
    await Promise.all(speakers.map((speaker) => speaker.askAll(count)));
  }
}

/**
 * Each question of all servers before the next one, because other load on the machine changes within the minutes of a conversation. The
 * order reverses with each question.
 */
async function takeByQuestion(talks: readonly Talk[], round: number, count: number): Promise<void> {
  const chats = Array.from({ length: count }, () => [...(talks[0]?.speakers.keys() ?? [])]).flat();
  for (const [question, chat] of chats.entries()) {
    for (const { speakers } of (round + question) % 2 === 0 ? talks : talks.toReversed()) {
      await speakers[chat]?.ask();
    }
  }
}

/** @param number - no other chat, turn or round has it */
function toQuestion({ hasShortQuestions = false }: Scene, number: number): string {
  return textOfTokens(hasShortQuestions ? shortQuestionTokens : questionTokens, number);
}
