// Writes the notices of the image's components and the list of them, while the image is built.
//
//   node tools/notices/cli.ts --metafile FILE --model FOLDER --arch x64|arm64 --to FOLDER
//
// --metafile is what esbuild tells of the bundles, --model the folder of the model's manifest, --to where the files go.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Metafile } from 'esbuild';
import { readComponents } from './components.ts';
import { formatNotices, NoticeError } from './notice.ts';
import { bundledPackages, readPackageNotice } from './npm-package.ts';
import { formatSbom, type Product } from './sbom.ts';

const text = { type: 'string', default: '' } as const;
const { values } = parseArgs({ options: { metafile: text, model: text, arch: text, to: text } });

function readJson<Content>(path: string): Content {
  return JSON.parse(readFileSync(path, 'utf8')) as Content;
}

try {
  const bundled = bundledPackages(readJson<Metafile>(values.metafile)).map(readPackageNotice);
  const { model, arch } = values;
  const others = readComponents({ packages: 'node_modules', model, catalog: 'models/catalog.json', arch });
  const components = [...bundled, ...others];
  writeFileSync(join(values.to, 'THIRD-PARTY-NOTICES.txt'), formatNotices(components));
  writeFileSync(join(values.to, 'sbom.cdx.json'), formatSbom(components, readJson<Product>('package.json')));
} catch (error) {
  if (!(error instanceof NoticeError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
}
