// A subject of the benchmark: a program that serves a GGUF model over OpenAI's completions API.

/** The model that every subject serves. */
export interface BenchModel {
  readonly name: string;
  /** Folder with the model and its manifest. */
  readonly directory: string;
  /** Path of the GGUF file. */
  readonly path: string;
  /** Size of the GGUF file. */
  readonly bytes: number;
}

export interface ServerSettings {
  readonly model: BenchModel;
  readonly threads: number;
  /** Generations that run in parallel. */
  readonly slots: number;
  /** Tokens of context per slot. */
  readonly contextSize: number;
  /** Prompt of the first completion, which generates one token. */
  readonly firstPrompt?: string;
  /** Folder with snapshots of prompt prefixes; only this project uses them. */
  readonly prefixes?: string;
}

export interface ServerCommand {
  readonly program: string;
  readonly args: readonly string[];
  /** Added to the environment of this process. */
  readonly env?: Readonly<Record<string, string>>;
}

export interface Subject {
  /** Name in tables and plots. */
  readonly name: string;
  readonly version: string;
  /** Returns the command that serves on `port` of the loopback address. `sparePort` is free for internal use. */
  command(settings: ServerSettings, port: number, sparePort: number): ServerCommand;
  /** Path of completions. Default: `/v1/completions`. */
  readonly completionsPath?: string;
}
