// A message as a chat template reads it, and as llama.cpp takes it.

/** A message as templates read it. Its JSON leaves `undefined` out, because templates test `is defined`. */
export interface TemplateMessage {
  readonly role: 'system' | 'user' | 'assistant' | 'tool';
  readonly content: string;
  readonly reasoning_content?: string | undefined;
  readonly tool_calls?:
    | readonly {
        readonly id: string;
        readonly type: 'function';
        readonly function: { readonly name: string; readonly arguments: unknown };
      }[]
    | undefined;
  readonly tool_call_id?: string | undefined;
  readonly name?: string | undefined;
}

/** llama.cpp refuses halves of characters. */
export function toNativeJson(value: object): string {
  const json = JSON.stringify(value);
  return json.replace(/\\\\|\\ud[89a-f][0-9a-f]{2}/g, (each) => (each === '\\\\' ? each : '\uFFFD'));
}

/** llama.cpp takes arguments as texts of JSON, and gives them to the template in the form that it reads. */
export function toNativeMessage(message: TemplateMessage): object {
  const calls = message.tool_calls?.map(({ function: call, ...each }) => ({
    ...each,
    function: { ...call, arguments: JSON.stringify(call.arguments) },
  }));
  return { ...message, tool_calls: calls };
}
