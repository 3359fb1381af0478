// A chat template for CHAT_TEMPLATE that opens the model's thoughts, and a conversation whose answers have thoughts. The default
// model was not made to think, and goes on as the answers before.
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const template = `{%- for message in messages %}
{{- '<|im_start|>' + message.role + '\\n' }}
{%- if message.reasoning_content %}{{- '<think>\\n' + message.reasoning_content + '\\n</think>\\n\\n' }}{%- endif %}
{{- message.content + '<|im_end|>\\n' }}
{%- endfor %}
{%- if add_generation_prompt %}
{{- '<|im_start|>assistant\\n<think>\\n' }}
{%- if enable_thinking is defined and enable_thinking is false %}{{- '\\n</think>\\n\\n' }}{%- endif %}
{%- endif %}`;

/** Returns the path of a file with the template. */
export function writeThinkingTemplate(): string {
  const path = join(mkdtempSync(join(tmpdir(), 'template-')), 'thinking.jinja');
  writeFileSync(path, template);
  return path;
}

export const turns = [
  { question: 'What is the capital of Italy?', thought: 'The country is Italy.', answer: 'Rome.' },
  { question: 'What is the capital of Spain?', thought: 'The country is Spain.', answer: 'Madrid.' },
  { question: 'What is the capital of Greece?', thought: 'The country is Greece.', answer: 'Athens.' },
] as const;

export const question = 'What is the capital of France?';
