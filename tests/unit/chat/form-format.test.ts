// The rules that are built for the calls of tools, with a fake of the native builder.
import { expect, it } from 'vitest';
import type { ChatTemplate, RenderedPrompt } from '../../../src/chat/chat-template.ts';
import type { ChatTool } from '../../../src/chat/conversation.ts';
import { toFormFormat } from '../../../src/chat/form-format.ts';
import type { CallFormatInputs } from '../../../src/engine/chat-library.ts';

/** Returns how many arguments of each tool the rules list. */
async function countArguments(tools: readonly ChatTool[]): Promise<number[]> {
  let built: CallFormatInputs | undefined;
  const template = {
    abilities: { thoughts: undefined },
    toCallParser: async (inputs: CallFormatInputs) => {
      built = inputs;
      return { grammar: 'root ::= "a"\n' };
    },
  } as unknown as ChatTemplate;
  const forms = { forms: [{ start: '<call>', end: '</call>', call: 'python' }], marks: [], stops: [] };
  await toFormFormat(
    template,
    { generationPrompt: '' } as RenderedPrompt,
    forms as unknown as Parameters<typeof toFormFormat>[2],
    { tools, mustCall: true, parallel: false, isJson: false, schemas: '', compile: async () => '' },
  );
  return built?.tools.map((tool) => tool.arguments.length) ?? [];
}

function tool(name: string, count: number, required: readonly string[] = []): ChatTool {
  const properties = Object.fromEntries(
    Array.from({ length: count }, (_, index) => [`p${index}`, { type: 'string' }]),
  );
  return { type: 'function', function: { name, parameters: { type: 'object', properties, required } } };
}

it('lists the arguments of ordinary tools', async () => {
  expect(await countArguments([tool('a', 0), tool('b', 20), tool('c', 3, ['p1'])])).toEqual([0, 20, 3]);
});

it('lets a tool have any arguments whose rule would be too long', async () => {
  expect(await countArguments([tool('a', 3000), tool('b', 20), tool('c', 3000, ['p1'])])).toEqual([
    0, 20, 3000,
  ]);
});

it('lists the arguments of the first tools where all rules would be too long', async () => {
  const tools = Array.from({ length: 128 }, (_, index) => tool(`f${index}`, 20));

  expect(await countArguments(tools)).toEqual([...Array(40).fill(20), ...Array(88).fill(0)]);
});
