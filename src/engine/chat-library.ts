// llama.cpp's own chat code, as src/chat uses it: templates, the formats of model families, and parsers of their texts.
// Texts go in and out as JSON.

/** A parsed chat template. */
export interface NativeTemplate {
  /**
   * Renders a prompt, and finds the format of the answer: in place where that takes some milliseconds, else on another thread.
   *
   * @param inputs JSON of {@link TemplateInputs}
   * @throws {Error} what the template throws
   */
  apply(inputs: string): NativeApplied | Promise<NativeApplied>;
  /** As `apply`, but always in place. */
  applyExample(inputs: string): NativeApplied;
  /** Renders the template with these variables alone, as a JSON object. */
  render(variables: string): string;
  /**
   * JSON: llama.cpp's names of what the template can do, each with true or false, and `is_special`: whether llama.cpp has code for
   * this family alone, instead of finding its format by rendering examples.
   */
  capabilities(): string;
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

interface NativeApplied {
  /** JSON of an {@link AppliedTemplate}. */
  readonly json: string;
  /** For one {@link ChatLibrary.ChatParser}, which takes it over. */
  readonly parser: object;
}

export interface AppliedTemplate {
  readonly prompt: string;
  /** What the template wrote behind the messages. */
  readonly generationPrompt: string;
  /** For the parser. */
  readonly format: number;
  /** GBNF, or empty. It covers the generation prompt too, unless it is lazy. */
  readonly grammar: string;
  /** Whether the grammar applies only from a trigger on. */
  readonly isLazy: boolean;
  /** Texts, or regular expressions. */
  readonly triggers: readonly { readonly isWord: boolean; readonly value: string }[];
  /** Control tokens that are parts of the format. */
  readonly preservedTokens: readonly string[];
  /** Texts that end the answer. */
  readonly stops: readonly string[];
  readonly supportsThinking: boolean;
  readonly thinkingStart: string;
  readonly thinkingEnds: readonly string[];
}

/** How a block of calls is written. */
export interface CallForm {
  /** The texts around the calls. Blanks may be between them and the calls. */
  readonly start: string;
  readonly end: string;
  /**
   * How a call is written: `{"name": "a", "arguments": {"b": 1}}`, `a[CALL_ID]id[ARGS]{"b": 1}`, `a(b=1)`, or
   * `call:a{b:1}` with `<escape>` around strings.
   */
  readonly call: 'json' | 'tagged' | 'python' | 'escaped';
  /** The text between two calls of a block; blanks may be around it. Absent: a block has one call. */
  readonly separator?: string;
  /** Whether other texts have the start too. */
  readonly isText?: boolean;
}

export interface CallFormatInputs {
  readonly forms: readonly CallForm[];
  readonly tools: readonly {
    readonly name: string;
    /** The rule in the grammar for the arguments as JSON. */
    readonly rule: string;
    /** Empty: any. `type` is that of the JSON Schema, or empty for any. */
    readonly arguments: readonly {
      readonly name: string;
      readonly type: string;
      readonly isRequired: boolean;
    }[];
  }[];
  readonly mustCall: boolean;
  readonly parallel: boolean;
  /** The rule for JSON instead of calls. Empty: the text is free. */
  readonly textRule: string;
  /** Whether a free text of the JSON of calls and nothing else is calls. */
  readonly readsBareJson: boolean;
  /** Empty: the model does not think. */
  readonly thoughtsStart: string;
  readonly thoughtsEnds: readonly string[];
}

export interface NativeParser {
  /**
   * Parses a text from its start.
   *
   * @returns JSON of a {@link ParsedText}, or `undefined` for a text that does not have the format
   */
  parse(text: string, isPartial: boolean): string | undefined;
}

export interface CallFormatParser extends NativeParser {
  /** GBNF. It has only blocks of calls if the model need not call and may write free text. */
  readonly grammar: string;
}

export interface ParsedText {
  readonly content: string;
  readonly reasoning: string;
  readonly calls: readonly { readonly name: string; readonly arguments: string }[];
  /**
   * `complete`: the text has the format up to its end. `open`: it may go on in the format, as a partial text does. `left`: only a
   * part of it has the format.
   */
  readonly ending: 'complete' | 'open' | 'left';
}

export interface ChatLibrary {
  /** @throws {Error} when the template cannot be parsed */
  readonly ChatTemplates: {
    new (source: string, bosToken: string, eosToken: string): NativeTemplate;
    /** The names of the templates that llama.cpp has for models without one. Each may be a `source`. */
    listNames(): string[];
  };
  readonly ChatParser: {
    /** Of a format that llama.cpp finds, as {@link NativeApplied} has it. */
    new (generationPrompt: string, format: number, parser: object): NativeParser;
    /** Of a format of calls that llama.cpp does not know. `inputs` is JSON of {@link CallFormatInputs}. */
    new (generationPrompt: string, inputs: string): CallFormatParser;
  };
}
