// Fixtures of the batch tests: lines, a service, and options.
import type { AnswerLinesOptions, NumberedLine } from '../../../src/batch/answer-lines.ts';
import { consoleLog } from '../../../src/telemetry/log.ts';
import { model, toContext } from '../api/fake-service.ts';
import { FakeEngine } from '../fake-engine.ts';

export function toLine(id: string, body: object = {}): string {
  return JSON.stringify({
    custom_id: id,
    method: 'POST',
    url: '/v1/completions',
    body: { prompt: `${id}?`, max_tokens: 8, ...body },
  });
}

export function toNumbered(lines: readonly string[]): NumberedLine[] {
  return lines.map((line, number) => ({ number, text: Buffer.from(line) }));
}

export function toService(engine = new FakeEngine()) {
  return { engine, model };
}

/** Creates options without a deadline, and the list of logged errors. */
export function toOptions(overrides: Partial<Omit<AnswerLinesOptions, 'save'>> = {}) {
  const logged: unknown[] = [];
  const log = (error: unknown) => void logged.push(error);
  const options: Omit<AnswerLinesOptions, 'save'> = {
    remainingMs: () => Number.POSITIVE_INFINITY,
    toContext: ({ number }) => toContext({ id: `request-${number}`, log: { ...consoleLog, error: log } }),
    log,
    ...overrides,
  };
  return { options, logged };
}
