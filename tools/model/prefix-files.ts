// The files of a folder that are prompt prefixes: texts, and beginnings of chats in JSON.
import { readdirSync } from 'node:fs';
import { extname } from 'node:path';

/** A prefix is malformed, or its folder is missing. The message begins with its file's name. */
export class PrefixError extends Error {
  override readonly name = 'PrefixError';
}

/** @throws {PrefixError} when there is no such folder */
export function listPrefixFiles(folder: string): string[] {
  try {
    return readdirSync(folder)
      .filter((file) => ['.txt', '.json'].includes(extname(file)))
      .sort();
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    const advice = 'Name a folder with *.txt and *.json files, such as models/prefixes.';
    throw new PrefixError(`${folder} cannot be read as a folder of prefixes (${code}). ${advice}`, { cause });
  }
}
