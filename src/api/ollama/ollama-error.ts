// Errors in Ollama's form.
import type { RequestError } from '../../errors/request-error.ts';

/** Converts an error to the body that Ollama's clients read. */
export function toOllamaErrorBody({ message }: Pick<RequestError, 'message'>): { error: string } {
  return { error: message };
}
