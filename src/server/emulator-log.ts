// The emulator's log, without its own lines for each invocation: they have figures that it makes up, such as the memory used.

import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';

const invocationLine = /^(?:START|END|REPORT) RequestId: [0-9a-f-]+\b/;

/** Passes a log to standard error, line by line. Resolves when it ends. */
export async function passLog(log: Readable): Promise<void> {
  for await (const line of createInterface({ input: log, crlfDelay: Number.POSITIVE_INFINITY })) {
    if (line !== '' && !invocationLine.test(line)) process.stderr.write(`${line}\n`);
  }
}
