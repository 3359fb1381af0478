// What is measured: a program that serves OpenAI's completions over HTTP from a GGUF.

/** The model that every subject serves. */
export interface BenchModel {
  readonly name: string;
  /** The folder with the model and its manifest. */
  readonly directory: string;
  /** The GGUF in it. */
  readonly path: string;
  /** Its size. */
  readonly bytes: number;
}

export interface ServerSettings {
  readonly model: BenchModel;
  readonly threads: number;
  /** Generations that run at once. */
  readonly slots: number;
  /** Tokens of context that each of them has. */
  readonly contextSize: number;
  /** The prompt of the first completion, which is one token long. */
  readonly firstPrompt?: string;
  /** The folder with snapshots of prompt prefixes, for who knows such. */
  readonly prefixes?: string;
}

export interface ServerCommand {
  readonly program: string;
  readonly args: readonly string[];
  /** Set beside the environment of this process. */
  readonly env?: Readonly<Record<string, string>>;
}

export interface Subject {
  /** As the tables and plots name it. */
  readonly name: string;
  readonly version: string;
  /** How it is started on a port of the loopback address; another one is free for its own use. */
  command(settings: ServerSettings, port: number, sparePort: number): ServerCommand;
  /** The path that takes completions; `/v1/completions` by default. */
  readonly completionsPath?: string;
}
