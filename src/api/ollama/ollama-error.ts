// Errors in Ollama's form, and the streams that end with them.
import type { RequestError } from '../../errors/request-error.ts';
import type { StreamFormat } from '../stream-answer.ts';

/** Converts an error to the body that Ollama's clients read. */
export function toOllamaErrorBody({ message }: Pick<RequestError, 'message'>): { error: string } {
  return { error: message };
}

/** Lines of JSON, without a mark at their end. https://docs.ollama.com/api/streaming */
export const ollamaLines: StreamFormat = {
  contentType: 'application/x-ndjson',
  write: (line) => `${JSON.stringify(line)}\n`,
  end: '',
  fail: (error) => `${JSON.stringify(toOllamaErrorBody(error))}\n`,
};
