// A conversation and its tools, independent of the API that received them.

export type ContentPart = { readonly type: 'text'; readonly text: string } | { readonly type: 'image' };

export type Content = string | readonly ContentPart[];

/** A call that the assistant made in an earlier turn. */
export interface ToolCall {
  readonly id: string;
  /** Empty when the text was cut before the name. */
  readonly name: string;
  /** A string of JSON, which may be cut, or the arguments themselves. */
  readonly arguments: unknown;
}

export type ChatMessage =
  | { readonly role: 'system' | 'user'; readonly content: Content }
  | {
      readonly role: 'assistant';
      readonly content: Content;
      readonly reasoning?: string;
      readonly calls: readonly ToolCall[];
    }
  | { readonly role: 'tool'; readonly content: Content; readonly callId?: string; readonly name?: string };

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
