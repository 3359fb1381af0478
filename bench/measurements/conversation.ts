// Measures the first token of every turn of chats: one chat, several in turn over one slot, and several at once over four
// slots behind one system prompt. Who chats in turn takes a moment to write, as people do.
import { setTimeout as delay } from 'node:timers/promises';
import { Chat, type ChatMessage, type ChatOptions } from '../chat.ts';
import { type Contender, interleave, type Measurement, type Sample, threadsVariant } from '../measurement.ts';
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
  /** Default: one turn of each chat after another. */
  readonly atOnce?: boolean;
  readonly systemPrompt?: boolean;
  /** Default: questions of {@link questionTokens}. */
  readonly hasShortQuestions?: boolean;
  /** Whether the next question follows an answer at once, as that of a program. Default: false. */
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
    atOnce: true,
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
      const takesTurns = scene.chats > 1 && scene.slots === 1;
      const subjects = [own, peer, takesTurns && peer ? withSlotForEach(peer, scene.chats) : undefined];
      await using started = await startServers(
        subjects.filter((subject) => subject !== undefined),
        settings,
      );
      const options = { model: model.name, answerTokens };
      const contenders = started.servers.map((server) => toContender(server, scene, options));
      const variant = `${scene.name}, ${threadsVariant(threads)}`;
      samples.push(...(await interleave(conversation, variant, contenders, rounds)));
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

function toContender(server: Server, scene: Scene, options: ChatOptions): Contender {
  return {
    subject: server.subject,
    take: async (round) => {
      const system: ChatMessage[] = scene.systemPrompt
        ? [{ role: 'system', content: textOfTokens(systemTokens, round) }]
        : [];
      const speakers = Array.from({ length: scene.chats }, (_, index): Speaker => {
        const chat = new Chat(server, options, system);
        return async (turn) => {
          if (!scene.hurries) await delay(writingMs);
          return chat.ask(toQuestion(scene, ((round + 1) * 8 + index) * turns + turn));
        };
      });
      // The warm-up does not need the whole conversation.
      const waits = await (scene.atOnce ? askAtOnce : askInTurn)(speakers, round < 0 ? 2 : turns);
      const means = waits.map((ofTurn) => ofTurn.reduce((sum, each) => sum + each, 0) / ofTurn.length);
      return {
        ...Object.fromEntries(means.map((mean, turn) => [toMetric(turn), mean])),
        'private memory': privateBytes(server.pid) / 1e6,
      };
    },
  };
}

/** Sends a chat's question of a turn, and returns the milliseconds to the first token. */
type Speaker = (turn: number) => Promise<number>;

/** Returns the milliseconds by turn and chat. */
async function askInTurn(speakers: readonly Speaker[], count: number): Promise<number[][]> {
  const waits: number[][] = Array.from({ length: count }, () => []);
  for (const [turn, ofTurn] of waits.entries()) {
    for (const ask of speakers) ofTurn.push(await ask(turn));
  }
  return waits;
}

/** Each chat sends its next question as soon as it has its answer. Returns the milliseconds by turn and chat. */
async function askAtOnce(speakers: readonly Speaker[], count: number): Promise<number[][]> {
  const waits: number[][] = Array.from({ length: count }, () => []);
  await Promise.all(
    speakers.map(async (ask) => {
      for (const [turn, ofTurn] of waits.entries()) ofTurn.push(await ask(turn));
    }),
  );
  return waits;
}

/** @param number - no other chat, turn or round has it */
function toQuestion({ hasShortQuestions = false }: Scene, number: number): string {
  return textOfTokens(hasShortQuestions ? shortQuestionTokens : questionTokens, number);
}
