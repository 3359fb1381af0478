// A conversation and its tools, independent of the API that received them.

interface TextPart {
  readonly type: 'text';
  readonly text: string;
}

interface ImagePart {
  readonly type: 'image_url';
}

type Text = string | readonly TextPart[];

/** A call that the assistant made in an earlier turn. */
interface ToolCall {
  readonly id: string;
  /** `arguments` is a string of JSON. */
  readonly function: { readonly name: string; readonly arguments: string };
}

export type ChatMessage =
  | { readonly role: 'system' | 'developer'; readonly content: Text }
  | { readonly role: 'user'; readonly content: string | readonly (TextPart | ImagePart)[] }
  | {
      readonly role: 'assistant';
      readonly content?: Text | null | undefined;
      readonly reasoning_content?: string | null | undefined;
      readonly tool_calls?: readonly ToolCall[] | null | undefined;
    }
  | { readonly role: 'tool'; readonly content: Text; readonly tool_call_id: string };

/** A function that the model may call. `parameters` is the JSON Schema of its arguments. */
export interface ChatTool {
  readonly type: 'function';
  readonly function: {
    readonly name: string;
    readonly description?: string | undefined;
    readonly parameters?: Readonly<Record<string, unknown>> | undefined;
    readonly strict?: boolean | null | undefined;
  };
}
