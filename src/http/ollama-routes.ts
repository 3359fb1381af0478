// The routes of Ollama's API. Its code is loaded by the first request that needs it.
import { type Endpoint, get, postLoaded, TextAnswer } from './endpoint.ts';
import { asksForPage } from './http.ts';
import type { PathPattern } from './paths.ts';

const load = () => import('../api/ollama/ollama-endpoints.ts');

/** These answer with lines of JSON unless the request sets `stream` to false. */
const streaming = { streamsByDefault: true };

/** The methods that would change the model, with the same answer for each of them. */
const refused: Endpoint = {
  summary: 'Refuses to change the model, which is baked into the image.',
  answer: async ({ service }) => (await load()).refuseChange(service),
};

export const ollamaRoutes: Readonly<
  Record<Extract<PathPattern, '/' | `/api/${string}`>, Readonly<Record<string, Endpoint>>>
> = {
  // Clients look whether the server is there before they use it.
  '/': get(
    'Tells that the server runs. A browser gets the playground where it is served.',
    async (request) => {
      const { headers, service } = request;
      if (service.playground !== undefined && asksForPage(headers)) {
        const { readPlayground } = await import('./playground-page.ts');
        const { html, headers: pageHeaders } = await readPlayground(service.playground);
        return new TextAnswer(html, pageHeaders['content-type'], pageHeaders);
      }
      return new TextAnswer('Ollama is running', 'text/plain; charset=utf-8');
    },
  ),
  '/api/chat': postLoaded(
    "Answers a conversation, in Ollama's format.",
    async () => (await load()).chat,
    streaming,
  ),
  '/api/generate': postLoaded(
    "Answers or continues a prompt, in Ollama's format.",
    async () => (await load()).generate,
    streaming,
  ),
  '/api/embed': postLoaded(
    "Converts texts to embeddings, in Ollama's format.",
    async () => (await load()).embed,
  ),
  '/api/embeddings': postLoaded(
    "Converts a text to an embedding, in Ollama's older format.",
    async () => (await load()).embeddings,
  ),
  '/api/tags': get("Lists the loaded model, in Ollama's format.", async ({ service }) =>
    (await load()).toTags(service),
  ),
  '/api/ps': get("Describes the loaded model, in Ollama's format.", async ({ service }) =>
    (await load()).toRunning(service),
  ),
  '/api/show': postLoaded(
    "Describes the loaded model with its template and abilities, in Ollama's format.",
    async () => (await load()).show,
  ),
  '/api/version': get('Returns the version of Ollama whose API this is.', async () =>
    (await load()).toVersion(),
  ),
  '/api/pull': { POST: refused },
  '/api/push': { POST: refused },
  '/api/create': { POST: refused },
  '/api/copy': { POST: refused },
  '/api/delete': { DELETE: refused },
};
