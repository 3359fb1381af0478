// Notices of the components that esbuild does not bundle: two npm packages with native code, llama.cpp, the emulator and
// the model.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { readManifest } from '../../src/model/manifest.ts';
import { type Notice, NoticeError, readText, standardText, withoutBlankEnds } from './notice.ts';
import { readPackageNotice } from './npm-package.ts';

const emulator = 'aws-lambda-rie';

interface ComponentPlaces {
  /** The folder `node_modules`. */
  readonly packages: string;
  /** The folder of the model's manifest. */
  readonly model: string;
  /** The catalog, which has the emulator's hashes. */
  readonly catalog: string;
  /** The processor of the image, in Node's terms. */
  readonly arch: string;
}

/**
 * Reads the notices of what is not bundled. aws-lambda-ric's own notices cover aws-lambda-cpp and curl.
 *
 * @throws {NoticeError} when a package's licence is unknown, or when there is no text of a licence
 */
export function readComponents({ packages, model, catalog, arch }: ComponentPlaces): readonly Notice[] {
  const nativePackages = [
    'aws-lambda-ric',
    'node-llama-cpp',
    `@node-llama-cpp/linux-${arch}`,
    'node-addon-api',
  ];
  return [
    ...nativePackages.map((name) => readPackageNotice(join(packages, name))),
    readLlamaCpp(join(packages, 'node-llama-cpp/llama')),
    {
      name: emulator,
      licence: 'Apache-2.0',
      texts: [readText('Apache-2.0.txt'), readText('aws-lambda-rie.txt')],
      type: 'application',
      hash: { alg: 'SHA-256', content: readEmulatorHash(catalog, arch) },
    },
    readModel(model),
  ];
}

function readEmulatorHash(catalog: string, arch: string): string {
  const { tools } = JSON.parse(readFileSync(catalog, 'utf8')) as {
    readonly tools: Readonly<
      Record<string, { readonly builds: Readonly<Record<string, { sha256: string }>> }>
    >;
  };
  const build = tools[emulator]?.builds[arch];
  if (build === undefined) throw new NoticeError(`${catalog} has no ${emulator} for ${arch}.`);
  return build.sha256;
}

/** llama.cpp, ggml and the code that they contain. node-llama-cpp has their sources, as a bundle of Git's. */
function readLlamaCpp(folder: string): Notice {
  const { release } = JSON.parse(readFileSync(join(folder, 'binariesGithubRelease.json'), 'utf8')) as {
    readonly release: string;
  };
  const repository = mkdtempSync(join(tmpdir(), 'llama-cpp-licences-'));
  // Within a hook, Git's variables name another repository.
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('GIT_')));
  const git = (...args: string[]) =>
    execFileSync('git', ['-C', repository, ...args], { encoding: 'utf8', env });
  try {
    git('init', '--quiet', '--template=');
    git('fetch', '--quiet', resolve(folder, 'gitRelease.bundle'), 'HEAD');
    const files = git('ls-tree', '-r', '--name-only', 'FETCH_HEAD', 'LICENSE', 'licenses', 'vendor')
      .split('\n')
      .filter((path) => /(?:^|\/)LICENSE[^/]*$/.test(path));
    if (!files.includes('LICENSE')) throw new NoticeError(`llama.cpp ${release} has no file LICENSE.`);
    const texts = files.map((path) => `${path}:\n\n${withoutBlankEnds(git('show', `FETCH_HEAD:${path}`))}`);
    const purl = `pkg:github/ggml-org/llama.cpp@${release}`;
    return { name: 'llama.cpp', version: release, licence: 'MIT', texts, purl };
  } finally {
    rmSync(repository, { recursive: true, force: true });
  }
}

/** The model, by its catalog entry. A model may have any licence: whoever bakes it has chosen it. */
function readModel(folder: string): Notice {
  const { name, title, licence, sha256 } = readManifest(folder);
  const text =
    standardText(licence) ??
    `${title} is licensed under: ${licence}. The image has no copy of that text; the model's publisher has.`;
  return {
    name,
    licence,
    texts: [text],
    type: 'machine-learning-model',
    hash: { alg: 'SHA-256', content: sha256 },
  };
}
