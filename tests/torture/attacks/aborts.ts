// Clients that leave at random bytes of streams; then no slot is lost, and answers are a fresh process's.
import { type Attack, post, type Target } from '../target.ts';

const clients = 8;
/** So many tokens are more than the longest read of any of these streams. */
const tokens = 48;
const longestRead = 6000;
const prompt = 'Once upon a time';
const messages = [{ role: 'user', content: 'Tell a story.' }];
const streams: readonly { readonly path: string; readonly body: object }[] = [
  { path: '/v1/completions', body: { prompt, max_tokens: tokens } },
  { path: '/v1/completions', body: { prompt, max_tokens: tokens / 2, n: 2, logprobs: 5 } },
  { path: '/v1/chat/completions', body: { messages, max_tokens: tokens } },
  { path: '/v1/responses', body: { input: 'Tell a story.', max_output_tokens: tokens } },
  { path: '/v1/messages', body: { messages, max_tokens: tokens } },
  { path: '/api/chat', body: { messages, options: { num_predict: tokens } } },
  { path: '/completion', body: { prompt, n_predict: tokens } },
];

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
    await Promise.all(reads.map((bytes, index) => leaveAfter(bytes, round + index, target)));
    target.count('aborts', clients);
    await target.checkReference('aborts');
  }
}

async function leaveAfter(bytes: number, number: number, target: Target): Promise<void> {
  const leaving = new AbortController();
  const { path, body } = streams[number % streams.length] ?? { path: '', body: {} };
  const asked = { path, body: { ...body, ignore_eos: true, stream: true } };
  const answered = post(target.origin, asked, { signal: leaving.signal });
  // With no byte to read, it leaves while the request is on its way.
  if (bytes === 0) setImmediate(() => leaving.abort());
  try {
    const response = await answered;
    if (response.status !== 200) target.fault(`${response.status} to a stream of ${path}`);
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
