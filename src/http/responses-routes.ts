// The routes of OpenAI's Responses. Their code is loaded by the first request that needs it.
import { type Endpoint, get, postLoaded } from './endpoint.ts';
import type { PathPattern } from './paths.ts';

const loadStored = () => import('../api/responses/stored-responses.ts');

export const responsesRoutes: Readonly<
  Record<Extract<PathPattern, `/v1/responses${string}`>, Readonly<Record<string, Endpoint>>>
> = {
  '/v1/responses': postLoaded(
    "Answers a conversation, in the format of OpenAI's Responses.",
    async () => (await import('../api/responses/responses.ts')).responses,
  ),
  '/v1/responses/{id}/input_items': get(
    'Lists the input of a stored response.',
    async ({ service, context, parameter, query }) =>
      (await loadStored()).listInputItems(parameter, query, service, context),
    {
      query: {
        limit: 'The most items of a page, from 1 to 100. Default: 20.',
        order: 'asc or desc, the default: the last item comes first.',
        after: 'The id of the last item of the page before.',
      },
    },
  ),
  '/v1/responses/{id}': {
    ...get('Returns a stored response.', async ({ service, context, parameter }) =>
      (await loadStored()).retrieveResponse(parameter, service, context),
    ),
    DELETE: {
      summary: 'Deletes a stored response.',
      answer: async ({ service, context, parameter }) =>
        (await loadStored()).deleteResponse(parameter, service, context),
    },
  },
};
