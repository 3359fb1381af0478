// Lets the slots of a context have a common beginning evaluated once: a prompt that begins like one that is being evaluated
// waits for it, and one that begins like what another slot holds gets a copy of that.
import { type ConversationCache, countCommon } from '../cache/conversation-cache.ts';
import { untilAborted } from '../deadline.ts';
import type { Token } from '../token.ts';
import type { SequenceState } from './sequence-state.ts';

export interface SharingSequence {
  readonly state: Pick<SequenceState, 'length' | 'tokens'>;
  /** Adds a copy of what it holds to the conversations. */
  keep(): Promise<void>;
}

/** A prompt that is being evaluated. */
export interface AnnouncedPrompt {
  /** It is evaluated, or never will be. */
  end(): void;
}

/** A prompt from the start of its generation until it is evaluated. */
interface Prefilling {
  readonly sequence: SharingSequence;
  readonly prompt: readonly Token[];
  readonly ended: Promise<void>;
}

/** A shorter beginning is evaluated again: two slots evaluate it together almost as fast as one. */
const shortestShared = 64;

export class PromptSharing {
  readonly #conversations: ConversationCache;
  readonly #sequences = new Set<SharingSequence>();
  /** The oldest first. A prompt waits only for older ones, so no two wait for each other. */
  readonly #prefilling = new Set<Prefilling>();

  constructor(conversations: ConversationCache) {
    this.#conversations = conversations;
  }

  add(sequence: SharingSequence): void {
    this.#sequences.add(sequence);
  }

  /** Announces a prompt, before anything of its generation is awaited. */
  begin(sequence: SharingSequence, prompt: readonly Token[]): AnnouncedPrompt {
    const { promise: ended, resolve } = Promise.withResolvers<void>();
    const prefilling = { sequence, prompt, ended };
    this.#prefilling.add(prefilling);
    return {
      end: () => {
        this.#prefilling.delete(prefilling);
        resolve();
      },
    };
  }

  /**
   * Adds to the conversations what other sequences have of a prompt, when that is more than the sequence and the conversations have.
   *
   * @param held - how many tokens of the prompt the sequence has
   * @throws the signal's reason when aborted while it waits
   */
  async collect(
    sequence: SharingSequence,
    prompt: readonly Token[],
    held: number,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    if (this.#sequences.size < 2 || this.#conversations.isIndivisible || this.#conversations.limitBytes === 0)
      return;
    const kept = this.#conversations.longestCommon(prompt);
    const least = Math.max(held, kept) + shortestShared;
    const older = this.#findOlder(sequence, prompt, least);
    if (older !== undefined) {
      await untilAborted(older.ended, signal);
      signal?.throwIfAborted();
    }
    const donor = this.#findDonor(sequence, prompt, least);
    await donor?.keep();
  }

  /** The older prompt that has most in common with a prompt, and does not take much longer than that. */
  #findOlder(sequence: SharingSequence, prompt: readonly Token[], least: number): Prefilling | undefined {
    let best: Prefilling | undefined;
    let longest = least - 1;
    for (const prefilling of this.#prefilling) {
      if (prefilling.sequence === sequence) break;
      const common = countCommon(prefilling.prompt, prompt);
      if (common <= longest || common * 2 < prefilling.prompt.length) continue;
      best = prefilling;
      longest = common;
    }
    return best;
  }

  #findDonor(
    sequence: SharingSequence,
    prompt: readonly Token[],
    least: number,
  ): SharingSequence | undefined {
    let best: SharingSequence | undefined;
    let longest = least - 1;
    for (const other of this.#sequences) {
      const common = other === sequence ? 0 : countCommon(other.state.tokens, prompt);
      if (common <= longest) continue;
      best = other;
      longest = common;
    }
    return best;
  }
}
