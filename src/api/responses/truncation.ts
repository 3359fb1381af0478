// `truncation: "auto"`: a conversation that does not fit the context loses its oldest turns.
import { RequestError } from '../../errors/request-error.ts';

type Message = Readonly<Record<string, unknown>>;

/**
 * Asks with all messages, and then with fewer of them until they fit.
 *
 * @throws what `ask` throws, and its first error if not even the last turn fits
 */
export async function askTruncated<Answer>(
  messages: readonly Message[],
  ask: (messages: readonly Message[], isFirst: boolean) => Promise<Answer>,
): Promise<Answer> {
  let failure: unknown;
  for (const shorter of [messages, ...withoutOldestTurns(messages)]) {
    try {
      return await ask(shorter, failure === undefined);
    } catch (error) {
      if (!(error instanceof RequestError) || error.code !== 'context_length_exceeded') throw error;
      failure ??= error;
    }
  }
  throw failure;
}

/**
 * Leaves out 1, 2, 4, 8, … of the oldest turns of the user. The steps double, so that the prompts of the next turns mostly
 * begin where this one begins, and find it in the cache. System messages before the first turn remain.
 */
function withoutOldestTurns(messages: readonly Message[]): (readonly Message[])[] {
  const first = messages.findIndex(({ role }) => role !== 'system' && role !== 'developer');
  const turns = messages.flatMap(({ role }, index) => (role === 'user' && index > first ? [index] : []));
  const counts: number[] = [];
  for (let count = 1; count < turns.length; count *= 2) counts.push(count);
  if (turns.length > 0) counts.push(turns.length);
  return counts.map((count) => [
    ...messages.slice(0, Math.max(first, 0)),
    ...messages.slice(turns[count - 1]),
  ]);
}
