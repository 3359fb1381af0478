// Where telemetry goes: the console, or AWS's services through Powertools (powertools/).
import { consoleLog, type Log, standardErrorLog } from './log.ts';
import type { InvocationIdentity, Report } from './report.ts';

export interface Reporter {
  /** For what belongs to no invocation. */
  readonly log: Log;
  /** A log whose lines tell the invocation, wherever they are written from. */
  logOf(invocation: InvocationIdentity): Log;
  /** Begins to trace an invocation. */
  trace?(invocation: InvocationIdentity): Trace;
  /** Tells of an invocation that is over. */
  report?(report: Report, log: Log): void;
}

/** Ends a trace with what it is to tell. */
export type Trace = (report: Report) => void;

/** Lambda logs each invocation itself, and a server of one's own keeps its metrics. */
export const consoleReporter: Reporter = {
  log: consoleLog,
  logOf: ({ lambda }) => (lambda === undefined ? standardErrorLog : consoleLog),
};
