// Conversations that outlive their process: the state at the end of an answer goes to an archive, and the next turn looks for it
// there when neither the slots nor the memory of this process have it.
import { createHash } from 'node:crypto';
import type { Clock } from '../clock.ts';
import { untilAborted } from '../deadline.ts';
import type { GenerationRequest } from '../engine.ts';
import { findTurnEnds } from '../prompt/turn-ends.ts';
import type { StateArchive } from '../state-archive.ts';
import type { Token } from '../token.ts';
import { type ConversationCache, countCommon, type HeldTokens } from './conversation-cache.ts';

export interface ConversationArchiveParts {
  readonly archive: StateArchive;
  /** All that a state depends on but its tokens: model, release, layout. */
  readonly identity: string;
  /** About the bytes of the state of so many tokens. */
  readonly stateBytes: (tokens: number) => number;
  readonly conversations: ConversationCache;
  /** Milliseconds that so many tokens of a prompt take; 0 while nobody knows. */
  readonly expectPrefill: (tokens: number) => number;
  readonly isEndOfGeneration: (token: Token) => boolean;
  readonly clock: Clock;
}

interface ReadState {
  readonly held: HeldTokens;
  readonly state: Uint8Array;
}

/** A write that has begun. */
interface Writing {
  /** Never rejects. */
  readonly ended: Promise<unknown>;
  /** By the clock of the archive. */
  readonly expectedEnd: number;
}

type ArchivedRequest = Pick<GenerationRequest, 'prompt' | 'turn' | 'endBy' | 'cacheScope'>;

/** A shorter beginning is evaluated again. */
const fewestTokens = 64;
/** A conversation whose last turn is not there may have been kept without it. Each look costs a request. */
const mostLooks = 2;

export class ConversationArchive {
  readonly #parts: ConversationArchiveParts;
  /** What is being kept. A promise gives undefined where nothing is written. */
  readonly #keeping = new Set<Promise<Writing | undefined>>();

  constructor(parts: ConversationArchiveParts) {
    this.#parts = parts;
  }

  /**
   * Brings the latest turn of a prompt into the memory of this process, where the archive has it and reading it is expected to
   * take less time than evaluating it.
   *
   * @param held - how many tokens of the prompt need no evaluation anyway
   * @throws the signal's reason when aborted
   */
  async restore(
    { prompt, turn, cacheScope: scope }: ArchivedRequest,
    held: number,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    // Nothing was kept of a chat without an answer.
    if (turn === undefined || !turn.continues) return;
    const { archive, conversations, isEndOfGeneration } = this.#parts;
    const known = Math.max(held, conversations.longestCommon(prompt, scope));
    const ends = findTurnEnds(prompt, isEndOfGeneration).filter(
      (end) => conversations.mayHold(end) && this.#pays(end, known),
    );
    for (const end of ends.slice(0, mostLooks)) {
      const tokens = prompt.slice(0, end);
      const bytes = await archive.read(this.#keyOf(turn.tenant, tokens), signal);
      const kept = bytes && unpack(bytes);
      if (kept === undefined || countCommon(kept.tokens, tokens) !== kept.tokens.length) continue;
      conversations.keep({ tokens: tokens.slice(0, kept.tokens.length), prefilled: 0, scope }, kept.state);
      return;
    }
  }

  /**
   * Keeps the state at the end of an answer, where that is expected to pay and to end in time. It is found by prompt and answer, and
   * may be that of fewer tokens: the last one was chosen, and never evaluated.
   *
   * @param reading - gives the state; undefined where there is none
   */
  save(request: ArchivedRequest, answer: readonly Token[], reading: Promise<ReadState | undefined>): void {
    const keeping = reading
      .then((read) => read && this.#write(request, answer, read))
      // Its caller is told of a failure to read, and the archive tells of one to write.
      .catch(() => undefined);
    this.#keeping.add(keeping);
    void keeping.then((writing) => writing?.ended).finally(() => this.#keeping.delete(keeping));
  }

  /** Resolves when all that was begun is kept, or later than expected by `mostLateMs`. */
  async settled(mostLateMs?: number): Promise<void> {
    const { clock } = this.#parts;
    const waits = [...this.#keeping].map(async (keeping) => {
      const writing = await keeping;
      if (writing === undefined) return;
      const { ended, expectedEnd } = writing;
      const late =
        mostLateMs === undefined
          ? undefined
          : AbortSignal.timeout(Math.max(0, Math.ceil(expectedEnd + mostLateMs - clock.now())));
      await untilAborted(ended, late);
    });
    await Promise.all(waits);
  }

  #write(
    { prompt, turn, endBy }: ArchivedRequest,
    answer: readonly Token[],
    { held: { tokens }, state }: ReadState,
  ): Writing | undefined {
    const { archive, clock } = this.#parts;
    if (turn === undefined || !this.#pays(tokens.length, 0)) return undefined;
    const expectedEnd = clock.now() + archive.expected.writeMs(state.byteLength);
    if (endBy !== undefined && expectedEnd > endBy) return undefined;
    const ended = archive.write(this.#keyOf(turn.tenant, [...prompt, ...answer]), pack(tokens, state));
    return { ended, expectedEnd };
  }

  #pays(tokens: number, known: number): boolean {
    if (tokens - known < fewestTokens) return false;
    const { archive, stateBytes, expectPrefill } = this.#parts;
    const evaluationMs = expectPrefill(tokens - known);
    return evaluationMs === 0 || archive.expected.readMs(stateBytes(tokens)) < evaluationMs;
  }

  #keyOf(tenant: string, tokens: readonly Token[]): string {
    const hash = createHash('sha256');
    for (const part of [this.#parts.identity, tenant]) hash.update(`${part.length} ${part} `);
    return hash.update(Uint32Array.from(tokens)).digest('hex');
  }
}

/** The number of tokens, the tokens, the state. */
function pack(tokens: readonly Token[], state: Uint8Array): Uint8Array {
  const head = Buffer.from(Uint32Array.from([tokens.length, ...tokens]).buffer);
  return Buffer.concat([head, state]);
}

function unpack(bytes: Uint8Array): { readonly tokens: Uint32Array; readonly state: Uint8Array } | undefined {
  const { byteLength } = bytes;
  if (byteLength < 4) return undefined;
  const count = Buffer.from(bytes.buffer, bytes.byteOffset, 4).readUInt32LE();
  const end = 4 + 4 * count;
  if (byteLength < end) return undefined;
  // A copy, because numbers of four bytes begin at a multiple of four.
  return {
    tokens: new Uint32Array(Uint8Array.from(bytes.subarray(4, end)).buffer),
    state: bytes.subarray(end),
  };
}
