// The templates that llama.cpp has for models without one.
import { describe, expect, it } from 'vitest';
import { chatWhole, toTemplate } from '../api/fake-service.ts';
import { FakeEngine } from '../fake-engine.ts';

const turns = [
  { role: 'system', content: 'Be brief.' },
  { role: 'user', content: 'Hi' },
  { role: 'assistant', content: 'Hello.' },
  { role: 'user', content: 'Is it warm?' },
] as const;

describe('a template by its name', () => {
  it("writes Llama 2's format, whose file of 2023 has no template", async () => {
    const { prompt } = await toTemplate('llama2-sys-bos').render(turns);
    expect(prompt).toBe(
      '[INST] <<SYS>>\nBe brief.\n<</SYS>>\n\nHi [/INST]Hello.</s><s>[INST] Is it warm? [/INST]',
    );
  });

  it('gives what it writes behind the messages', async () => {
    const { prompt, generationPrompt } = await toTemplate('zephyr').render(turns);
    expect(prompt.endsWith('Is it warm?<|endoftext|>\n<|assistant|>\n')).toBe(true);
    expect(generationPrompt).toBe('<|assistant|>\n');
  });

  it('may be chatml, which llama.cpp has as a template', async () => {
    const template = toTemplate('chatml');
    expect((await template.render(turns)).prompt).toContain('<|im_start|>system\nBe brief.<|im_end|>');
  });

  it('takes tools, which the system message describes', async () => {
    const engine = new FakeEngine('<tool_call>\n{"name": "now", "arguments": {}}\n</tool_call>', {
      contextSize: 4096,
    });
    const tools = [{ type: 'function', function: { name: 'now' } }];
    const chatTemplate = toTemplate('llama2-sys-bos');
    const { choices } = await chatWhole({ messages: [turns[1]], tools }, { engine, chatTemplate });
    expect(engine.detokenize(engine.requests[0]?.prompt ?? [])).toContain('"name":"now"');
    expect(choices[0]?.message.tool_calls).toMatchObject([{ function: { name: 'now', arguments: '{}' } }]);
  });

  it('neither thinks nor rejects a system message', () => {
    const { abilities, thinks } = toTemplate('llama2-sys-bos');
    expect(thinks).toBe(false);
    expect(abilities).toMatchObject({ systemRole: true, writesTools: false, canSwitchThinking: false });
  });

  it('is refused by a name that llama.cpp does not have', () => {
    expect(toTemplate('llama9').isValid).toBe(false);
  });
});
