// A chat template of nested loops on port 8000: its chats end with 500, and the server answers everything else.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type FrontProcess, startFrontProcess } from './front-process.ts';

/** A single message is short work, so that the examples of a start show nothing. */
const template =
  "{% if messages[0].content == 'Loop.' %}" +
  '{% for a in range(9999) %}'.repeat(4) +
  '{% endfor %}'.repeat(4) +
  '{% endif %}{{ messages[0].content }}';

const folder = mkdtempSync(join(tmpdir(), 'template-'));
let front: FrontProcess;
let origin: string;

beforeAll(async () => {
  writeFileSync(join(folder, 'loops.jinja'), template);
  front = await startFrontProcess({ CHAT_TEMPLATE: join(folder, 'loops.jinja') });
  ({ origin } = new URL(front.url));
});

afterAll(async () => {
  await front.end('SIGTERM');
  rmSync(folder, { recursive: true });
});

const ask = (content: string) =>
  fetch(`${origin}/v1/chat/completions`, {
    method: 'POST',
    body: JSON.stringify({ model: 'any', messages: [{ role: 'user', content }], max_tokens: 1 }),
  });

it('ends each chat with 500, while /health and other chats are answered', async () => {
  const [runtime] = front.runtimePids();
  expect((await ask('Hi')).status).toBe(200);
  const ended: string[] = [];
  const chats = [ask('Loop.'), ask('Loop.')];
  for (const chat of chats) void chat.then(() => ended.push('chat'));
  expect((await fetch(`${origin}/health`)).status).toBe(200);
  expect((await ask('Hi')).status).toBe(200);
  // Neither waits for them.
  expect(ended).toEqual([]);
  for (const chat of chats) {
    const response = await chat;
    expect(response.status).toBe(500);
    expect(await response.json()).toMatchObject({
      error: {
        code: 'server_error',
        message: "The model's chat template is refused, because it takes too long.",
      },
    });
  }
  expect((await ask('Hi')).status).toBe(200);
  expect(front.runtimePids()).toEqual([runtime]);
  expect(front.output()).not.toContain('Chats are not answered');
});

it('is told a second after the start, where no chat can be answered', async () => {
  writeFileSync(join(folder, 'always.jinja'), template.replace(/{% if .*? %}/, '{% if true %}'));
  const endless = await startFrontProcess({ CHAT_TEMPLATE: join(folder, 'always.jinja') });
  try {
    await expect
      .poll(() => endless.output())
      .toContain("Chats are not answered: The model's chat template is refused, because it takes too long.");
    expect((await fetch(`${new URL(endless.url).origin}/health`)).status).toBe(200);
  } finally {
    await endless.end('SIGTERM');
  }
});

it('is told where only chats with tools cannot be answered, and the runtime stays', async () => {
  const onlyWithTools = '{% if tools and tools[0].function.name == "example_of_a_tool" %}';
  writeFileSync(join(folder, 'tools.jinja'), template.replace(/{% if .*? %}/, onlyWithTools));
  const endless = await startFrontProcess({ CHAT_TEMPLATE: join(folder, 'tools.jinja') });
  const [runtime] = endless.runtimePids();
  try {
    await expect
      .poll(() => endless.output())
      .toContain(
        "Chats with tools are not answered: The model's chat template is refused, because it takes too long.",
      );
    expect((await fetch(`${new URL(endless.url).origin}/health`)).status).toBe(200);
    expect(endless.runtimePids()).toEqual([runtime]);
  } finally {
    await endless.end('SIGTERM');
  }
});
