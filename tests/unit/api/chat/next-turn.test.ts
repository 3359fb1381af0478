// What a chat expects to come next, which the engine evaluates while nobody asks for anything.
import { describe, expect, it } from 'vitest';
import type { ExpectedPrompt } from '../../../../src/engine/engine.ts';
import { templates } from '../../chat/templates.ts';
import { type FakeAnswer, FakeEngine } from '../../fake-engine.ts';
import { chatStreamed, chatWhole, toTemplate } from '../fake-service.ts';

const messages = [{ role: 'user', content: 'Hi' }];
const chatTemplate = templates.chatMl;

class AnticipatingEngine extends FakeEngine {
  readonly expected: (() => Promise<ExpectedPrompt | undefined>)[] = [];

  constructor(answers: string | readonly FakeAnswer[]) {
    super(answers, { contextSize: 1000 });
  }

  anticipate(expect: () => Promise<ExpectedPrompt | undefined>): void {
    this.expected.push(expect);
  }

  async readExpected() {
    const prompts = await Promise.all(this.expected.map((make) => make()));
    return prompts.map((each) => each && { ...each, prompt: this.detokenize(each.prompt) });
  }
}

const upToQuestion =
  '<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\nHello.<|im_end|>\n<|im_start|>user\n';

describe('a chat expects', () => {
  it.each([
    ['answer', chatWhole],
    ['streamed answer', chatStreamed],
  ])('what a template writes between its %s and the next question', async (_, ask) => {
    const engine = new AnticipatingEngine('Hello.');
    await ask({ messages }, { engine, chatTemplate });

    expect(await engine.readExpected()).toEqual([expect.objectContaining({ prompt: upToQuestion })]);
  });

  it('it without the deadline of the request, which has passed by then', async () => {
    const engine = new AnticipatingEngine('Hello.');
    await chatWhole({ messages }, { engine, chatTemplate }, { endBy: 1e9 });

    expect(engine.requests[0]).toHaveProperty('endBy');
    expect(await engine.readExpected()).toEqual([{ prompt: upToQuestion, cachePrompt: true }]);
  });

  it('the whole of an answer that was begun', async () => {
    const engine = new AnticipatingEngine('lo.');
    const begun = [...messages, { role: 'assistant', content: 'Hel' }];
    await chatWhole({ messages: begun, continue_final_message: true }, { engine, chatTemplate });

    expect(await engine.readExpected()).toEqual([expect.objectContaining({ prompt: upToQuestion })]);
  });

  it('it by the rule and in the scope of the request', async () => {
    const engine = new AnticipatingEngine('Hello.');
    const service = { engine, chatTemplate, separatesCaches: true };
    await chatWhole({ messages, cache_prompt: 'exact' }, service, { tenant: 'one' });

    expect(await engine.readExpected()).toEqual([
      expect.objectContaining({ cachePrompt: 'exact', cacheScope: 'one' }),
    ]);
  });

  it('nothing that a template does not write as it is', async () => {
    const engine = new AnticipatingEngine('Hello.');
    const shouting = toTemplate(
      '{% for message in messages %}{{ message.content | upper }}{% endfor %}{% if add_generation_prompt %}>{% endif %}',
    );
    await chatWhole({ messages }, { engine, chatTemplate: shouting });

    expect(await engine.readExpected()).toEqual([undefined]);
  });

  it.each([
    ['several answers', { n: 2 }, ['a', 'b']],
    [
      'a call, which its results follow',
      { tools: [{ type: 'function', function: { name: 'now' } }] },
      '<tool_call>\n{"name": "now", "arguments": {}}\n</tool_call>',
    ],
  ])('nothing behind %s', async (_, fields, answers) => {
    const engine = new AnticipatingEngine(answers);
    await chatWhole({ messages, ...fields }, { engine, chatTemplate });

    expect(engine.expected).toEqual([]);
  });
});
