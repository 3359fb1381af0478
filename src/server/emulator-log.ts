// The emulator's log, without lines that say nothing new: its own for each invocation have figures that it makes up, such as the
// memory used, and the front says itself why a function does not load.

import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';

const invocationLine = /^(?:START|END|REPORT) RequestId: [0-9a-f-]+\b/;

/** The interface client's report, with a stack that only a programming error needs. */
const initErrorLine =
  /\tERROR\tInit Error \t\{"errorType":"(?!TypeError|ReferenceError|RangeError|SyntaxError)/;

/** The front has ended it. */
const endLine = /\(rapid\) Reset initiated: SandboxTerminated$/;

const needless = [/^$/, invocationLine, initErrorLine, endLine];
const isNeeded = (line: string) => !needless.some((pattern) => pattern.test(line));

/** Passes a log to standard error, line by line. Resolves when it ends. */
export async function passLog(log: Readable): Promise<void> {
  for await (const line of createInterface({ input: log, crlfDelay: Number.POSITIVE_INFINITY })) {
    if (isNeeded(line)) process.stderr.write(`${line}\n`);
  }
}
