// llama.cpp's own chat code, as src/chat uses it: templates, the formats of model families, and parsers of their texts.
// Texts go in and out as JSON.

/** A parsed chat template. */
export interface NativeTemplate {
  /**
   * Renders a prompt, and finds the format of the answer.
   *
   * @param inputs JSON of {@link TemplateInputs}
   * @returns JSON of {@link AppliedTemplate}
   * @throws {Error} what the template throws
   */
  apply(inputs: string): string;
  /** Renders the template with these variables alone, as a JSON object. */
  render(variables: string): string;
  /** JSON: llama.cpp's names of what the template can do, each with true or false. */
  capabilities(): string;
  /** Whether llama.cpp has code for this family alone, instead of finding its format by rendering examples. */
  isSpecial(): boolean;
}

export interface TemplateInputs {
  /** In OpenAI's shape. */
  readonly messages: readonly object[];
  readonly tools: readonly object[];
  readonly toolChoice: 'none' | 'auto' | 'required';
  readonly parallel: boolean;
  /** Whether the content is JSON of a schema. */
  readonly hasSchema: boolean;
  readonly enableThinking: boolean;
  readonly kwargs: Readonly<Record<string, unknown>>;
  /** Whether only the prompt is wanted, which is several times faster. The format is then that of a plain text. */
  readonly promptOnly: boolean;
}

export interface AppliedTemplate {
  readonly prompt: string;
  /** What the template wrote behind the messages. */
  readonly generationPrompt: string;
  /** For the parser, as are the following two. */
  readonly format: number;
  readonly parser: string;
  /** GBNF, or empty. It covers the generation prompt too, unless it is lazy. */
  readonly grammar: string;
  /** Whether the grammar applies only from a trigger on. */
  readonly isLazy: boolean;
  readonly triggers: readonly {
    readonly type: 'word' | 'pattern' | 'wholePattern';
    readonly value: string;
  }[];
  /** Control tokens that are parts of the format. */
  readonly preservedTokens: readonly string[];
  /** Texts that end the answer. */
  readonly stops: readonly string[];
  readonly supportsThinking: boolean;
  readonly thinkingStart: string;
  readonly thinkingEnds: readonly string[];
}

export interface NativeParser {
  /**
   * Parses a text from its start.
   *
   * @returns JSON of a {@link ParsedText}, or `undefined` for a text that does not have the format
   */
  parse(text: string, isPartial: boolean): string | undefined;
}

export interface ParsedText {
  readonly content: string;
  readonly reasoning: string;
  readonly calls: readonly { readonly name: string; readonly arguments: string }[];
  /** Whether the text has the format up to its end. Always true of a partial text. */
  readonly isComplete: boolean;
}

export interface ChatLibrary {
  /** @throws {Error} when the template cannot be parsed */
  readonly ChatTemplates: {
    new (source: string, bosToken: string, eosToken: string): NativeTemplate;
    /** The names of the templates that llama.cpp has for models without one. Each may be a `source`. */
    listNames(): string[];
  };
  readonly ChatParser: new (format: number, generationPrompt: string, parser: string) => NativeParser;
}
