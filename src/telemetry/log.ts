// The log, as the rest of the code sees it: the console's, or lines of JSON that tell which invocation they belong to.
import { format } from 'node:util';

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

/**
 * The log of a request on port 8000. In the emulator's runtime the console belongs to invocations: the interface client puts
 * the id of the one that runs before each line.
 */
export const standardErrorLog: Log = {
  info: (message, fields) => writeLine(message, ...(fields === undefined ? [] : [JSON.stringify(fields)])),
  warn: (message) => writeLine(message),
  error: (failure) => writeLine(failure),
};

function writeLine(...parts: readonly unknown[]): void {
  process.stderr.write(`${format(...parts)}\n`);
}
