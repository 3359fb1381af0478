// Small chat templates, each like the template of a known model.
import { ChatTemplate } from '../../../src/chat/chat-template.ts';
import { openChatLibrary } from '../../../src/engine/llama/open-chat-library.ts';

/** Like SmolLM2's: allows any roles in any order. */
const chatMl = `{%- for message in messages %}
{{- '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>\\n' }}
{%- endfor %}
{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}{%- endif %}`;

/** Like Gemma's: allows no system message, and two roles must take turns. */
const strict = `{{- bos_token }}
{%- for message in messages %}
{%- if message.role == 'system' %}{{ raise_exception('System role not supported') }}{%- endif %}
{%- if (message.role == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('Roles must take turns') }}{%- endif %}
{{- '[' + message.role + ']' + message.content | trim }}
{%- endfor %}
{%- if add_generation_prompt %}{{- '[model]' }}{%- endif %}`;

/** Like Qwen2.5's: writes tools, calls and their answers. */
const withTools = `{%- if tools %}
{{- '<tools>\\n' }}
{%- for tool in tools %}{{- tool | tojson + '\\n' }}{%- endfor %}
{{- '</tools> Call them within <tool_call></tool_call>.\\n' }}
{%- endif %}
{%- for message in messages %}
{{- '[' + message.role + ']' + message.content }}
{%- for call in message.tool_calls or [] %}
{{- '<tool_call>{"name": "' + call.function.name + '", "arguments": ' + call.function.arguments | tojson + '}</tool_call>' }}
{%- endfor %}
{%- endfor %}
{%- if add_generation_prompt %}{{- '[assistant]' }}{%- endif %}`;

/** Like Qwen3-Coder's: reads the arguments of calls one by one. */
const withArguments = `{%- for message in messages %}
{{- '[' + message.role + ']' + message.content }}
{%- for call in message.tool_calls or [] %}
{{- '<tool_call>' + call.function.name }}
{%- for key, value in call.function.arguments | items %}{{- ' ' + key + '=' + value }}{%- endfor %}
{%- endfor %}
{%- endfor %}
{%- if tools %}{{- tools | tojson }}{%- endif %}
{%- if add_generation_prompt %}{{- '[assistant]' }}{%- endif %}`;

/** Like Qwen3's: `enable_thinking` turns thoughts off, and earlier thoughts are written. */
const thinking = `{%- for message in messages %}
{{- '[' + message.role + ']' }}
{%- if message.reasoning_content %}{{- '<think>' + message.reasoning_content + '</think>' }}{%- endif %}
{{- message.content }}
{%- endfor %}
{%- if add_generation_prompt %}
{{- '[assistant]' }}
{%- if enable_thinking is defined and enable_thinking is false %}{{- '<think>\\n\\n</think>\\n\\n' }}{%- endif %}
{%- endif %}`;

/** Like DeepSeek-R1's: the prompt always starts the thoughts. */
const alwaysThinking = `{%- for message in messages %}
{{- '[' + message.role + ']' + message.content.split('</think>')[-1] }}
{%- endfor %}
{%- if add_generation_prompt %}{{- '[assistant]<think>\\n' }}{%- endif %}`;

/** Like Qwen3.5's: the prompt starts the thoughts, and `enable_thinking` ends them at once. */
const opensThoughts = alwaysThinking.replace(
  "<think>\\n' }}",
  "<think>\\n' }}{%- if enable_thinking is defined and enable_thinking is false %}{{- '\\n</think>\\n\\n' }}{%- endif %}",
);

/** Like Qwen3's: thoughts and calls. */
const thinkingWithTools = `{%- for tool in tools or [] %}{{- tool | tojson }}{%- endfor %}${thinking.replace(
  '{{- message.content }}',
  `{{- message.content }}
{%- for call in message.tool_calls or [] %}
{{- '<tool_call>{"name": "' + call.function.name + '", "arguments": ' + call.function.arguments | tojson + '}</tool_call>' }}
{%- endfor %}`,
)}`;

function toTemplate(chatTemplate: string): ChatTemplate {
  return new ChatTemplate({ chatTemplate, bosToken: '<s>', eosToken: '</s>', openLibrary: openChatLibrary });
}

export const templates = {
  chatMl: toTemplate(chatMl),
  strict: toTemplate(strict),
  withTools: toTemplate(withTools),
  thinking: toTemplate(thinking),
  alwaysThinking: toTemplate(alwaysThinking),
  opensThoughts: toTemplate(opensThoughts),
  thinkingWithTools: toTemplate(thinkingWithTools),
  withArguments: toTemplate(withArguments),
  refusing: toTemplate("{{ raise_exception('I take no messages') }}"),
  broken: toTemplate("{{ messages[0]['content'] + 1 | items }}"),
  unreadable: toTemplate('{% for %}'),
};
