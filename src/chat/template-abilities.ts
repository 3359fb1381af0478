// What a chat template can do, found by rendering examples instead of searching its code.
import type { AppliedTemplate, NativeTemplate, TemplateInputs } from '../engine/chat-library.ts';
import type { ThoughtMarks } from '../engine/engine.ts';
import { once, toLimitError } from './template-errors.ts';

export interface TemplateAbilities {
  /** Whether it writes the tools into the prompt. */
  readonly writesTools: boolean;
  /** Whether it writes earlier calls and their results. */
  readonly writesCalls: boolean;
  /** Whether llama.cpp knows the format of its model's calls. */
  readonly calls: boolean;
  readonly parallelCalls: boolean;
  readonly systemRole: boolean;
  /** The marks of thoughts. Absent: the model does not think. */
  readonly thoughts: { readonly start: string; readonly ends: readonly string[] } | undefined;
  readonly thinksByDefault: boolean;
  /** Whether the prompt is another one when `enable_thinking` is neither true nor false. */
  readonly leavesThinking: boolean;
  /** Whether `enable_thinking` changes the prompt. */
  readonly canSwitchThinking: boolean;
  readonly reasoningEffort: boolean;
  /** Whether llama.cpp has code for this family alone. */
  readonly isSpecial: boolean;
}

const question = { role: 'user', content: 'Hello' };

const tool = {
  type: 'function',
  function: {
    name: 'example_of_a_tool',
    description: 'An example.',
    parameters: { type: 'object', properties: { text: { type: 'string' } }, required: ['text'] },
  },
};

/** The inputs of an example without tools. */
export const plainInputs: TemplateInputs = {
  messages: [question],
  tools: [],
  toolChoice: 'auto',
  parallel: true,
  hasSchema: false,
  enableThinking: true,
  kwargs: {},
  promptOnly: false,
};

export function findAbilities(
  template: NativeTemplate,
  tokens: Readonly<Record<string, string>>,
): TemplateAbilities {
  const capabilities = JSON.parse(template.capabilities()) as Record<string, boolean>;
  const render = (variables: object) =>
    attempt(() =>
      template.render(
        JSON.stringify({ ...tokens, messages: [question], add_generation_prompt: true, ...variables }),
      ),
    );
  const apply = (inputs: TemplateInputs) =>
    attempt(() => JSON.parse(template.applyExample(JSON.stringify(inputs)).json) as AppliedTemplate);
  const byDefault = render({});
  const thinking = render({ enable_thinking: true });
  const notThinking = render({ enable_thinking: false });
  const plain = apply(plainInputs);
  // Few chats have tools, and none waits for what it does not need.
  const renderTools = once(() => apply({ ...plainInputs, tools: [tool], toolChoice: 'required' }));
  const start = plain?.thinkingStart ?? '';
  return {
    get writesTools() {
      return renderTools()?.prompt.includes(tool.function.name) ?? false;
    },
    writesCalls: capabilities.supports_tool_calls ?? false,
    get calls() {
      return (renderTools()?.grammar ?? '') !== '';
    },
    parallelCalls: capabilities.supports_parallel_tool_calls ?? false,
    systemRole: capabilities.supports_system_role ?? false,
    thoughts: plain?.supportsThinking && start !== '' ? { start, ends: plain.thinkingEnds } : undefined,
    thinksByDefault: byDefault === undefined || byDefault === thinking,
    leavesThinking:
      byDefault !== thinking && byDefault !== notThinking && byDefault === render({ enable_thinking: null }),
    canSwitchThinking: thinking !== notThinking,
    reasoningEffort: capabilities.supports_reasoning_effort ?? false,
    isSpecial: capabilities.is_special ?? false,
  };
}

/** An example that a template rejects tells nothing. One that exceeds a limit does. */
function attempt<Result>(render: () => Result): Result | undefined {
  try {
    return render();
  } catch (error) {
    const limit = toLimitError(error);
    if (limit !== undefined) throw limit;
    return undefined;
  }
}

/** The marks of a model's thoughts, and whether the prompt has opened them. */
export function toThoughtMarks(
  marks: TemplateAbilities['thoughts'],
  generationPrompt: string,
): ThoughtMarks | undefined {
  if (marks === undefined) return undefined;
  const startAt = generationPrompt.lastIndexOf(marks.start);
  const hasStarted = startAt >= 0 && marks.ends.every((end) => generationPrompt.lastIndexOf(end) < startAt);
  return { ...marks, hasStarted };
}
