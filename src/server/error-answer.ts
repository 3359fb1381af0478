// An error as an answer. Apart from the other answers, which the start of the front needs too.
import { randomUUID } from 'node:crypto';
import type { RequestError } from '../errors/request-error.ts';
import { type ApiForm, openAiForm } from '../http/api-form.ts';
import type { HttpAnswer } from './http-answer.ts';

/** @param form the form of the API that the request is for. Default: OpenAI's */
export function errorAnswer(error: RequestError, form: ApiForm = openAiForm): HttpAnswer {
  const id = randomUUID();
  const { requestIdHeader: name } = form;
  return {
    status: error.status,
    headers: {
      'content-type': 'application/json',
      'x-request-id': id,
      ...(name !== undefined && { [name]: id }),
      ...error.headers,
    },
    body: Buffer.from(`${JSON.stringify(form.toErrorBody(error, id))}\n`),
  };
}
