// The files under events/, which `sam local` uses as well.
import { readdirSync, readFileSync } from 'node:fs';

const folder = new URL('../events/', import.meta.url);

/** Reads one event, by its path under events/ without `.json`. */
export function readEvent(name: string): unknown {
  return JSON.parse(readFileSync(new URL(`${name}.json`, folder), 'utf8'));
}

/** Names of the events in a folder under events/. */
export function eventNames(under: '.' | 'invalid'): string[] {
  return readdirSync(new URL(`${under}/`, folder))
    .filter((file) => file.endsWith('.json'))
    .map((file) => (under === '.' ? '' : `${under}/`) + file.slice(0, -'.json'.length));
}
