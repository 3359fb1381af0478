// The log, as the rest of the code sees it: the console's, or lines of JSON that tell which invocation they belong to.

/** What a line tells beside its message; JSON. */
export type LogFields = Readonly<Record<string, unknown>>;

/** Neither prompts nor completions are given to it, but where LOG_PROMPTS asks for them. Its functions need no `this`. */
export interface Log {
  readonly info: (message: string, fields?: LogFields) => void;
  readonly warn: (message: string) => void;
  /** A failure that nobody expected, whole. */
  readonly error: (failure: unknown) => void;
}

/** Lambda's runtime adds the time and the request id. */
export const consoleLog: Log = {
  info: (message, fields) => console.info(message, ...(fields === undefined ? [] : [JSON.stringify(fields)])),
  warn: (message) => console.warn(message),
  error: (failure) => console.error(failure),
};
