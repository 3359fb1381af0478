// Opens an archive that the environment names. Its code, and AWS's SDK for a bucket, are imported then.
import type { Archive } from '../archive/archive.ts';
import { type ArchiveConfig, readArchiveConfig } from '../config/archive.ts';
import type { Environment } from '../config/environment.ts';
import { loadOnce } from './load-once.ts';

export async function openArchive(config: ArchiveConfig): Promise<Archive> {
  const { createArchive } = await import('../archive/create-archive.ts');
  return createArchive(config, { warn: (message) => process.stderr.write(`gguf-lambda: ${message}\n`) });
}

/**
 * Returns what opens the archive of responses once; undefined where neither RESPONSES_DIR nor RESPONSES_BUCKET is set. A folder
 * is opened at once, so that its expired files go without a request.
 *
 * @throws {ConfigurationError} when a setting is malformed
 */
export function toResponseArchive(env: Environment): (() => Promise<Archive>) | undefined {
  const config = readArchiveConfig(env, 'RESPONSES');
  if (config === undefined) return undefined;
  const open = loadOnce(() => openArchive(config));
  if (config.kind === 'folder') void open(env);
  return () => open(env);
}
