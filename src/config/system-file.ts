// Files of the system that may be missing, such as those of a control group.
import { readFileSync } from 'node:fs';

/** Returns a file's text, or undefined where there is no such file. */
export type ReadText = (path: string) => string | undefined;

export function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
