// Clients that leave at random bytes of streams; then no slot is lost, and answers are a fresh process's.
import { type Attack, post, type Target } from '../target.ts';

const clients = 8;
/** About a stream of two hundred tokens. */
const longestRead = 40_000;
const body = { prompt: 'Once upon a time', max_tokens: 200, stream: true };

/** @param most ends the attack after so many aborts, instead of its share of the time */
export function abort(most: number | undefined): Attack {
  return { name: 'aborts', share: 0.2, run: (target, endAt) => run(target, endAt, most) };
}

async function run(target: Target, endAt: number, most: number | undefined): Promise<void> {
  // The first ones leave at the first bytes, where the answer begins.
  const lengths = [0, 1, ...target.draw(1000, 0, longestRead)];
  const goesOn = (round: number) => (most === undefined ? performance.now() < endAt : round < most);
  for (let round = 0; goesOn(round); round += clients) {
    const reads = Array.from(
      { length: clients },
      (_, index) => lengths[(round + index) % lengths.length] ?? 0,
    );
    await Promise.all(reads.map((bytes) => leaveAfter(bytes, target)));
    target.count('aborts', clients);
    await target.checkReference('aborts');
  }
}

async function leaveAfter(bytes: number, target: Target): Promise<void> {
  const leaving = new AbortController();
  const answered = post(target.origin, { path: '/v1/completions', body }, { signal: leaving.signal });
  // With no byte to read, it leaves while the request is on its way.
  if (bytes === 0) setImmediate(() => leaving.abort());
  try {
    const response = await answered;
    let read = 0;
    for await (const piece of response.body ?? []) {
      read += piece.byteLength;
      if (read >= bytes) break;
    }
  } catch (error) {
    if (!leaving.signal.aborted) target.fault(`a stream broke: ${String(error)}`);
  }
  leaving.abort();
}
