// Adopts node-llama-cpp's prebuilt binary as the library's own build for this machine.
//
// The library starts a second Node at every load to try a prebuilt binary there first, which costs a third of a
// second of every cold start. It trusts one that was built on the machine it runs on, and finds that by the
// operating system's name in the build's metadata. So the binary is tried here, once, and then laid out as such a
// build. On another system the library tries it again, as before.
//
//   node infra/adopt-llama.mjs      in a folder with node_modules
import {
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseEnv } from 'node:util';

const name = `linux-${process.arch}`;
const prebuilt = resolve('node_modules/@node-llama-cpp', name, 'bins', name);
const build = resolve('node_modules/node-llama-cpp/llama/localBuilds', name);

if (process.platform !== 'linux' || !existsSync(prebuilt)) {
  process.stderr.write(
    `adopt-llama: there is no prebuilt binary for ${process.platform}-${process.arch} to adopt\n`,
  );
  process.exit(0);
}
if (existsSync(join(build, 'buildDone.status'))) process.exit(0);

const library = createRequire(join(process.cwd(), 'package.json')).resolve('node-llama-cpp');
const { getLlama } = await import(pathToFileURL(library).href);
// Fails here, with the library's reason, when this machine cannot run the binary.
const llama = await getLlama({ gpu: false, build: 'never', skipDownload: true, progressLogs: false });
await llama.dispose();

const { NAME, VERSION_ID } = parseEnv(readFileSync('/etc/os-release', 'utf8'));
const unfinished = `${build}.part`;
rmSync(unfinished, { recursive: true, force: true });
mkdirSync(join(unfinished, 'Release'), { recursive: true });
const metadataName = '_nlcBuildMetadata.json';
for (const file of readdirSync(prebuilt)) {
  if (file !== metadataName) linkSync(join(prebuilt, file), join(unfinished, 'Release', file));
}
const metadata = JSON.parse(readFileSync(join(prebuilt, metadataName), 'utf8'));
metadata.buildOptions.platformInfo = { name: NAME, version: VERSION_ID };
writeFileSync(join(unfinished, 'Release', metadataName), JSON.stringify(metadata));
writeFileSync(join(unfinished, 'buildDone.status'), '');
renameSync(unfinished, build);
