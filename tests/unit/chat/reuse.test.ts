// How much of a turn the next prompt begins with, by the template that renders the old answer: the rest is evaluated again.
import { describe, expect, it } from 'vitest';
import type { ChatTemplate } from '../../../src/chat/chat-template.ts';
import type { TemplateMessage } from '../../../src/chat/template-message.ts';
import { templates } from './templates.ts';

const question: TemplateMessage = { role: 'user', content: 'What is a fox?' };
const more: TemplateMessage = { role: 'user', content: 'And a hen?' };

/** The part of an earlier prompt and its generated text that the next prompt does not begin with. */
async function findLost(template: ChatTemplate, generated: string, answer: Partial<TemplateMessage>) {
  const render = async (messages: readonly TemplateMessage[]) => (await template.render(messages)).prompt;
  const before = (await render([question])) + generated;
  const after = await render([question, { role: 'assistant', content: generated, ...answer }, more]);
  let common = 0;
  while (common < before.length && before[common] === after[common]) common += 1;
  return before.slice(common);
}

describe('what the next turn cannot reuse', () => {
  it.each([
    ['ChatML', templates.chatMl, 'A small animal.', {}, ''],
    ['ChatML with blanks', templates.chatMl, ' An animal. ', {}, ''],
    ['a template that trims', templates.strict, 'An animal.\n', {}, 'model]An animal.\n'],
    ['a template with tools', templates.withTools, 'An animal.', {}, ''],
    [
      'a template that writes earlier thoughts',
      templates.thinking,
      '<think>Hm.</think>An animal.',
      { content: 'An animal.', reasoning_content: 'Hm.' },
      '',
    ],
    [
      'a client that drops thoughts',
      templates.thinking,
      '<think>Hm.</think>An animal.',
      { content: 'An animal.' },
      '<think>Hm.</think>An animal.',
    ],
    [
      'a template that always opens thoughts, and drops earlier ones',
      templates.alwaysThinking,
      'Hm.</think>An animal.',
      { content: 'An animal.' },
      '<think>\nHm.</think>An animal.',
    ],
  ])('of %s', async (_, template, generated, answer, lost) => {
    expect(await findLost(template, generated, answer)).toBe(lost);
  });
});
