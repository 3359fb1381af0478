// What every kind of source has in common: it puts files into a directory, says how far it is, and fails
// with a StoreError. Which kind serves a URI is decided by the scheme alone.
import { StoreError } from './errors.ts';
import { fetchFromFile } from './sources/file.ts';
import { fetchFromHub } from './sources/hub.ts';
import { fetchFromPypi } from './sources/pypi.ts';
import { fetchFromS3 } from './sources/s3.ts';
import type { Source } from './transfer.ts';

const SOURCES: Readonly<Record<string, Source>> = {
  'https:': fetchFromHub,
  'http:': fetchFromHub,
  'hf:': fetchFromHub,
  's3:': fetchFromS3,
  'file:': fetchFromFile,
  'pypi:': fetchFromPypi,
};

/**
 * The source that serves a URI.
 *
 * @throws {StoreError} `unusable-source` for a scheme that none serves
 */
export function sourceOf(uri: string): Source {
  const source = SOURCES[uri.slice(0, uri.indexOf(':') + 1)];
  if (source) return source;
  const schemes = Object.keys(SOURCES).join(', ');
  throw new StoreError(
    'unusable-source',
    `${uri} cannot be fetched: expected a URI that begins with ${schemes}.`,
  );
}
