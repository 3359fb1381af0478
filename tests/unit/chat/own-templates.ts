// Chat templates of families that llama.cpp's collection lacks, written anew: each does what its model's own one does.

/** FunctionGemma's: tools, calls and results in a syntax of its own, and a result goes on in the model's turn. */
const functionGemma = `{{- bos_token }}
{%- macro value(given) %}
  {%- if given is string %}{{- '<escape>' + given + '<escape>' }}
  {%- elif given is mapping %}{{- '{' }}{%- for key, each in given | dictsort %}{{- key + ':' }}{{- value(each) }}{%- if not loop.last %}{{- ',' }}{%- endif %}{%- endfor %}{{- '}' }}
  {%- elif given is boolean %}{{- 'true' if given else 'false' }}
  {%- elif given is iterable %}{{- '[' }}{%- for each in given %}{{- value(each) }}{%- if not loop.last %}{{- ',' }}{%- endif %}{%- endfor %}{{- ']' }}
  {%- else %}{{- given }}{%- endif %}
{%- endmacro %}
{%- set loop_messages = messages %}
{%- if messages[0].role in ['system', 'developer'] or tools %}
  {{- '<start_of_turn>developer\\n' }}
  {%- if messages[0].role in ['system', 'developer'] %}{{- messages[0].content | trim }}{%- set loop_messages = messages[1:] %}{%- endif %}
  {%- for tool in tools or [] %}
    {{- '<start_function_declaration>declaration:' + tool.function.name + '{description:' }}{{- value(tool.function.description) }}{{- ',parameters:' }}{{- value(tool.function.parameters) }}{{- '}<end_function_declaration>' }}
  {%- endfor %}
  {{- '<end_of_turn>\\n' }}
{%- endif %}
{%- for message in loop_messages %}
  {%- if message.role == 'tool' %}
    {{- '<start_function_response>response:' + (message.name or 'result') + '{value:' }}{{- value(message.content) }}{{- '}<end_function_response>' }}
  {%- else %}
    {%- if message.role != 'assistant' or loop.first or loop.previtem.role != 'tool' %}{{- '<start_of_turn>' + ('model' if message.role == 'assistant' else message.role) + '\\n' }}{%- endif %}
    {{- message.content | trim }}
    {%- for call in message.tool_calls or [] %}{{- '<start_function_call>call:' + call.function.name }}{{- value(call.function.arguments) }}{{- '<end_function_call>' }}{%- endfor %}
    {%- if not message.tool_calls %}{{- '<end_of_turn>\\n' }}{%- endif %}
  {%- endif %}
{%- endfor %}
{%- if add_generation_prompt and messages[-1].role != 'tool' %}{{- '<start_of_turn>model\\n' }}{%- endif %}`;

/** Phi-4-mini's: it looks for the tools in the system message. */
const phi4Mini = `{%- for message in messages %}
{%- if message.role == 'system' and message.tools %}{{- '<|system|>' + message.content + '<|tool|>' + message.tools + '<|/tool|><|end|>' }}
{%- else %}{{- '<|' + message.role + '|>' + message.content + '<|end|>' }}{%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}{{- '<|assistant|>' }}{%- endif %}`;

/** Gemma 3's: the system message is at the start of the first turn, and two roles must take turns. */
const gemma3 = `{{- bos_token }}
{%- set first = '' %}
{%- set turns = messages %}
{%- if messages[0].role == 'system' %}{%- set first = messages[0].content + '\\n\\n' %}{%- set turns = messages[1:] %}{%- endif %}
{%- for message in turns %}
{%- if (message.role == 'user') != (loop.index0 % 2 == 0) %}{{- raise_exception('Conversation roles must alternate user/assistant/user/assistant/...') }}{%- endif %}
{{- '<start_of_turn>' + ('model' if message.role == 'assistant' else message.role) + '\\n' + (first if loop.first else '') + message.content | trim + '<end_of_turn>\\n' }}
{%- endfor %}
{%- if add_generation_prompt %}{{- '<start_of_turn>model\\n' }}{%- endif %}`;

/** Phi-3-mini's: it drops system messages. */
const phi3Mini = `{{- bos_token }}
{%- for message in messages %}
{%- if message.role == 'user' %}{{- '<|user|>\\n' + message.content + '<|end|>\\n<|assistant|>\\n' }}
{%- elif message.role == 'assistant' %}{{- message.content + '<|end|>\\n' }}{%- endif %}
{%- endfor %}`;

export const ownTemplates: Readonly<Record<string, string>> = { functionGemma, phi4Mini, gemma3, phi3Mini };
