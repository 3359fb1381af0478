// The destination of telemetry: the console, or AWS's services through Powertools (powertools/).
import { consoleLog, type Log, standardErrorLog } from './log.ts';
import type { InvocationIdentity, Report } from './report.ts';
import { toRequestLine } from './request-line.ts';

export interface Reporter {
  /** The log for lines that belong to no invocation. */
  readonly log: Log;
  /** Creates a log whose lines name the invocation. */
  logOf(invocation: InvocationIdentity): Log;
  /** Starts to trace an invocation. */
  trace?(invocation: InvocationIdentity): Trace;
  /** Reports an invocation that has ended. */
  report?(report: Report, log: Log): void;
}

/** Ends a trace and adds the report to it. */
export type Trace = (report: Report) => void;

/** Reports nothing: Lambda logs each invocation itself. */
export const consoleReporter: Reporter = {
  log: consoleLog,
  logOf: ({ lambda }) => (lambda === undefined ? standardErrorLog : consoleLog),
};

/** Logs a line for each request: a server on a port. */
export const requestReporter: Reporter = {
  ...consoleReporter,
  report: (report) => {
    const line = toRequestLine(report);
    if (line !== undefined) standardErrorLog.info(`gguf-lambda: ${line}`);
  },
};
