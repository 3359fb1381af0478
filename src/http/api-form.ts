// The form in which an API's clients read errors. The front answers some of them without the routes, so the path decides.
import { toMessagesError, toMessagesFormat } from '../api/messages/message-format.ts';
import { ollamaLines, toOllamaErrorBody } from '../api/ollama/ollama-error.ts';
import { openAiEvents, type StreamFormat } from '../api/stream-answer.ts';
import type { RequestError } from '../errors/request-error.ts';
import { findPath, toOwnPath } from './paths.ts';

export interface ApiForm {
  /** Converts an error to the body of an answer. */
  readonly toErrorBody: (error: RequestError, requestId: string) => object;
  /** How a stream ends with an error. */
  readonly toStreamFormat: (requestId: string) => Pick<StreamFormat, 'contentType' | 'fail'>;
  /** One more name of the header `x-request-id`. */
  readonly requestIdHeader?: string;
}

export const openAiForm: ApiForm = {
  toErrorBody: (error) => error.toBody(),
  toStreamFormat: () => openAiEvents,
};

const messagesForm: ApiForm = {
  toErrorBody: toMessagesError,
  toStreamFormat: toMessagesFormat,
  requestIdHeader: 'request-id',
};

const ollamaForm: ApiForm = { toErrorBody: toOllamaErrorBody, toStreamFormat: () => ollamaLines };

/**
 * Finds the form of the API that a path belongs to. The headers decide where two APIs have the path, and where none has it.
 *
 * @param path - with or without a query
 */
export function findApiForm(path: string, headers: Readonly<Record<string, unknown>>): ApiForm {
  const [plain = ''] = path.replace(/\/{2,}/g, '/').split('?', 1);
  const known = findPath(plain)?.pattern;
  const own = (known ?? toOwnPath(plain)).replace(/^\/v1(?=\/)/, '');
  if (own.startsWith('/api/')) return ollamaForm;
  if (/^\/messages(?:\/|$)/.test(own)) return messagesForm;
  const isShared = known === undefined || own.startsWith('/models');
  return isShared && asksAnthropic(headers) ? messagesForm : openAiForm;
}

/** Whether a client of Anthropic asks, which expects Anthropic's format where a path has two. */
export function asksAnthropic(headers: Readonly<Record<string, unknown>>): boolean {
  return headers['anthropic-version'] !== undefined;
}
