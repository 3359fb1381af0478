// Finds the system prompt in the text of a baked prefix, which has the template's marks around it.

const systemMark = 'SYSTEM-PROMPT-HERE';
const userMark = 'USER-MESSAGE-HERE';

/** Messages whose rendering shows what the template writes around a system prompt. */
export const templateProbe = [
  { role: 'system', content: systemMark },
  { role: 'user', content: userMark },
];

/** Returns the system prompt of a prefix. A prefix that does not begin like a chat is one as a whole. */
export function findSystemPrompt(prefix: string, rendered: string): string {
  const [before = '', after = ''] = rendered.split(systemMark);
  // A tokenizer may have spelled out a mark of its own before the template's.
  const start = prefix.indexOf(before);
  if (start < 0 || !rendered.includes(systemMark)) return prefix;
  const text = prefix.slice(start + before.length);
  // The shortest beginning of what follows that is a mark, such as <|im_end|>.
  const mark = /^\s*\S+/.exec(after.split(userMark)[0] ?? '')?.[0] ?? '';
  const end = mark === '' ? -1 : text.indexOf(mark);
  return end < 0 ? text : text.slice(0, end);
}
