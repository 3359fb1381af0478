// The functions that were built, so that a mistyped one is refused before a function loads.
import { readdirSync } from 'node:fs';

/** Says why a handler such as `completion.handler` cannot be served, or `undefined` when it can. */
export function findFunctionFault(folder: string, handler: string): string | undefined {
  const [name, exported, ...rest] = handler.split('.');
  const functions = listFunctions(folder);
  if (name && exported && rest.length === 0 && functions.includes(name)) return undefined;
  if (functions.length === 0) return `No function is built yet: there is no bundle in ${folder}.`;
  const handlers = functions.map((known) => `${known}.handler`).join(', ');
  return `There is no handler ${JSON.stringify(handler)}; there are: ${handlers}.`;
}

function listFunctions(folder: string): string[] {
  try {
    return readdirSync(folder)
      .filter((file) => file.endsWith('.mjs'))
      .map((file) => file.slice(0, -'.mjs'.length))
      .sort();
  } catch {
    return [];
  }
}
