// The interface of the log. Lines go to the console, or to Powertools as JSON with the invocation's id.
import { debuglog, format } from 'node:util';

/** The fields of a line besides its message. They must be JSON. */
export type LogFields = Readonly<Record<string, unknown>>;

/** Never pass prompts or completions to it: a transcript logs them. Its functions need no `this`. */
export interface Log {
  readonly debug: (message: string) => void;
  readonly info: (message: string, fields?: LogFields) => void;
  readonly warn: (message: string) => void;
  /** Logs an unexpected failure with its stack. */
  readonly error: (failure: unknown) => void;
}

/** Writes to standard error where Node's own variable asks for it: NODE_DEBUG=gguf-lambda. */
const debug = debuglog('gguf-lambda');

/** The console. On Lambda the runtime adds the time and the request id to each line. */
export const consoleLog: Log = {
  debug: (message) => debug(message),
  info: (message, fields) => console.info(message, ...(fields === undefined ? [] : [JSON.stringify(fields)])),
  warn: (message) => console.warn(message),
  error: (failure) => console.error(failure),
};

/**
 * The log of a request on port 8000. It avoids the console, because in the emulator's runtime the interface
 * client adds the id of the running invocation to each line.
 */
export const standardErrorLog: Log = {
  debug: (message) => debug(message),
  info: (message, fields) => writeLine(message, ...(fields === undefined ? [] : [JSON.stringify(fields)])),
  warn: (message) => writeLine(message),
  error: (failure) => writeLine(failure),
};

function writeLine(...parts: readonly unknown[]): void {
  process.stderr.write(`${format(...parts)}\n`);
}
