// Writes the notices of the image's components, while the image is built.
//
//   node tools/notices/cli.ts METAFILE MODEL TO
//
// METAFILE is what esbuild tells of the bundles, MODEL the folder of the model's manifest, TO the file to write.
import { readFileSync, writeFileSync } from 'node:fs';
import { argv } from 'node:process';
import type { Metafile } from 'esbuild';
import { readComponents } from './components.ts';
import { formatNotices, NoticeError } from './notice.ts';
import { bundledPackages, readPackageNotice } from './npm-package.ts';

const [, , metafile = '', model = '', to = ''] = argv;
try {
  const bundled = bundledPackages(JSON.parse(readFileSync(metafile, 'utf8')) as Metafile);
  const notices = [...bundled.map(readPackageNotice), ...readComponents('node_modules', model)];
  writeFileSync(to, formatNotices(notices));
} catch (error) {
  if (!(error instanceof NoticeError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
}
