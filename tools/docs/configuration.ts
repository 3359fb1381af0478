// npm run docs:configuration: writes the tables of docs/configuration.md from the sources.
import { globSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findSettings, type Setting } from './settings.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
export const configurationPage = join(root, 'docs/configuration.md');

/** The sources with settings, in the order of the tables. */
const tables: Readonly<Record<string, readonly string[]>> = {
  'Model, context and answers': ['src/config/config.ts', 'src/config/cpu.ts', 'src/config/environment.ts'],
  'States of conversations, and stored responses': ['src/config/archive.ts'],
  'Who may call': [
    'src/http/api-key.ts',
    'src/http/rate-limit.ts',
    'src/http/token-budget.ts',
    'src/http/cors.ts',
  ],
  'The server': ['src/server/config.ts'],
  'Logs, metrics and traces': ['src/config/telemetry.ts'],
  Batches: ['src/batch/configuration.ts'],
};

const [begin, end] = ['<!-- settings: npm run docs:configuration -->\n', '<!-- end of settings -->'];

/**
 * Returns the page with the tables of what the sources have now.
 *
 * @throws {Error} when a setting has no docstring or no table, or the page no place for them
 */
export function withSettings(page: string): string {
  const [before, after] = [page.indexOf(begin), page.indexOf(end)];
  if (before < 0 || after < before) throw new Error(`The page needs '${begin.trim()}' and '${end}'.`);
  return `${page.slice(0, before)}${begin}${toTables(readSettings())}\n${page.slice(after)}`;
}

function readSettings(): readonly Setting[] {
  const paths = globSync('src/**/*.ts', { cwd: root }).sort();
  return findSettings(paths.map((path) => ({ path, text: readFileSync(join(root, path), 'utf8') })));
}

function toTables(settings: readonly Setting[]): string {
  const places = Object.values(tables).flat();
  const lost = settings.find(({ source }) => !places.includes(source));
  if (lost !== undefined) throw new Error(`${lost.source} has ${lost.name}, and no table takes it.`);
  return Object.entries(tables)
    .map(([title, sources]) => {
      const rows = sources.flatMap((path) => settings.filter(({ source }) => source === path)).map(toRow);
      return `## ${title}\n\n| variable | values | default | meaning |\n|---|---|---|---|\n${rows.join('\n')}\n`;
    })
    .join('\n');
}

function toRow({ name, values = '', default: fallback, meaning, see }: Setting): string {
  const text = meaning.replace(/\.$/, '');
  const link = see === undefined ? '' : ` ([more](${see.replace(/^docs\/(?:configuration\.md)?/, '')}))`;
  return `| \`${name}\` | ${values} | ${fallback} | ${text}${link} |`;
}

if (import.meta.main) {
  writeFileSync(configurationPage, withSettings(readFileSync(configurationPage, 'utf8')));
}
