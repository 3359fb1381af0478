// Makes the archive that the configuration names. What it needs is imported then.
import type { ArchiveConfig } from '../config/archive.ts';
import type { Archive } from './archive.ts';
import type { ArchiveOptions } from './availability.ts';

export async function createArchive(config: ArchiveConfig, options: ArchiveOptions): Promise<Archive> {
  switch (config.kind) {
    case 'folder':
      return new (await import('./folder-archive.ts')).FolderArchive(config, options);
    case 'bucket':
      return new (await import('./bucket-archive.ts')).BucketArchive(config, options);
    default:
      return config satisfies never;
  }
}
