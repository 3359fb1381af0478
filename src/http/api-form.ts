// The form in which an API's clients read errors. The front answers some of them without the routes, so the path decides.
import { toMessagesError, toMessagesFormat } from '../api/messages/message-format.ts';
import { ollamaLines, toOllamaErrorBody } from '../api/ollama/ollama-error.ts';
import { openAiEvents, type StreamFormat } from '../api/stream-answer.ts';
import type { RequestError } from '../errors/request-error.ts';

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
 * Finds the form of the API that a request is for, whether or not there is such a path. As for routes, a path may be written
 * without `/v1` and with another path before it.
 *
 * @param path - with or without a query
 */
export function findApiForm(path: string, headers: Readonly<Record<string, unknown>>): ApiForm {
  const [withoutQuery = ''] = path.split('?', 1);
  const plain = withoutQuery.replace(/\/{2,}/g, '/');
  const own = plain.slice(Math.max(0, plain.lastIndexOf('/v1/'))).replace(/^\/v1(?=\/)/, '');
  if (/^\/api\//.test(own)) return ollamaForm;
  return /^\/messages(?:\/|$)/.test(own) || asksAnthropic(headers) ? messagesForm : openAiForm;
}

/** Whether a client of Anthropic asks, which expects Anthropic's format where a path has two. */
export function asksAnthropic(headers: Readonly<Record<string, unknown>>): boolean {
  return headers['anthropic-version'] !== undefined;
}
