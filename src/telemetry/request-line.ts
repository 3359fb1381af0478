// The line that a server on a port logs for a request that has ended: no prompt and no generated text.
import { toRecordedStatus } from './metrics.ts';
import type { Report } from './report.ts';

/** Longer paths are cut. */
const longestPath = 200;

/** Monitors ask these every few seconds. */
const probedPaths = new Set(['/health', '/metrics']);

/** A path as it is logged: without its query, on one line, and not longer than a line. */
export function toLoggedPath(url: string): string {
  const [path = ''] = url.split('?', 1);
  return path.slice(0, longestPath).replace(/[^\x21-\x7e]/g, '?');
}

/**
 * Formats a request: method, path, status, tokens and milliseconds. Returns undefined for a warm-up ping, and for a successful
 * request of a monitor.
 */
export function toRequestLine(report: Report): string | undefined {
  const { request, answers, generations, durationMs, abandoned, brokenStreams } = report;
  const [first, ...others] = answers;
  if (first === undefined) return undefined;
  const status = toRecordedStatus(first.status, abandoned);
  if (status < 400 && probedPaths.has(first.path)) return undefined;
  const what = request === undefined ? `invoke ${first.path}` : `${request.method} ${request.path}`;
  const parts = [`${what} ${status}`];
  if (others.length > 0) parts.push(`${answers.length} answers`);
  if (brokenStreams > 0) parts.push('the stream broke');
  if (generations.length > 0) parts.push(toTokens(generations));
  parts.push(`${Math.round(durationMs)} ms`);
  return parts.join(', ');
}

function toTokens(generations: Report['generations']): string {
  const sum = (count: (generation: Report['generations'][number]) => number) =>
    generations.reduce((total, generation) => total + count(generation), 0);
  const cached = sum(({ cachedTokens }) => cachedTokens);
  const prompt = cached + sum(({ promptTokens }) => promptTokens);
  const generated = sum(({ completionTokens }) => completionTokens);
  return `${prompt} prompt tokens${cached > 0 ? ` (${cached} cached)` : ''}, ${generated} generated`;
}
