// Reads the files under events/. `sam local` uses the same files.
import { readdirSync, readFileSync } from 'node:fs';

const folder = new URL('../events/', import.meta.url);

/** Reads one event, by its path under events/ without `.json`. */
export function readEvent(name: string): unknown {
  return JSON.parse(readFileSync(new URL(`${name}.json`, folder), 'utf8'));
}

/** Lists the names of the events in a folder under events/. */
export function eventNames(under: '.' | 'invalid' | 'strict'): string[] {
  return readdirSync(new URL(`${under}/`, folder))
    .filter((file) => file.endsWith('.json'))
    .map((file) => (under === '.' ? '' : `${under}/`) + file.slice(0, -'.json'.length));
}
