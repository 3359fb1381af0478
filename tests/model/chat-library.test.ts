// A function opens llama.cpp's chat code for the first chat: a cold start with a completion does without.
import { readFileSync } from 'node:fs';
import { expect, it, onTestFinished } from 'vitest';
import { readEvent } from '../events.ts';
import { startRuntimeProcess } from './runtime-process.ts';

it('opens the chat code at the first chat', async () => {
  const runtime = await startRuntimeProcess('completion');
  onTestFinished(() => runtime.end());
  const isOpen = () => readFileSync(`/proc/${runtime.pid}/maps`, 'utf8').includes('/chat.node');
  const post = (event: string, body: object) =>
    runtime.invoke({ ...(readEvent(event) as object), body: JSON.stringify({ ...body, max_tokens: 1 }) });

  expect((await post('function-url', { prompt: 'Hello' })).body).toContain('text_completion');
  expect(isOpen()).toBe(false);
  const messages = [{ role: 'user', content: 'Hello' }];
  expect((await post('function-url-chat', { messages })).body).toContain('chat.completion');
  expect(isOpen()).toBe(true);
});
