// Notices of npm packages: those that esbuild bundled, and any other by its folder.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Metafile } from 'esbuild';
import {
  assertPermitted,
  type Hash,
  type Notice,
  NoticeError,
  standardText,
  withoutBlankEnds,
} from './notice.ts';

// What a plugin of esbuild made has a namespace before a colon, and may name a file of a package behind it.
const packageFolder = /^(?:[^:]*\/)?node_modules\/(?:@[^/]+\/)?[^/]+(?=\/)/;
const licenceFile = /^(?:licen[cs]e|copying)/i;
const noticeFile = /^(?:notice|third[-_.]?party)/i;
const codeFile = /\.(?:[cm]?[jt]s|json|map)$/i;

/** The fields of `package.json` that a notice takes. */
interface PackageDescription {
  readonly name: string;
  readonly version: string;
  readonly license?: unknown;
  readonly author?: string | { readonly name?: string };
}

/** The folders of the packages that have code in a bundle, sorted. A package that was only looked at has none. */
export function bundledPackages({ outputs }: Metafile): readonly string[] {
  const folders = new Set<string>();
  for (const { inputs } of Object.values(outputs)) {
    for (const [path, { bytesInOutput }] of Object.entries(inputs)) {
      const [folder] = packageFolder.exec(path) ?? [];
      if (folder !== undefined && bytesInOutput > 0) folders.add(folder);
    }
  }
  return [...folders].sort();
}

/**
 * Reads a package's licence. Some packages are published without their licence's file: the notice then has the
 * licence's standard text, with the package's author as the copyright holder.
 *
 * @throws {NoticeError} when the licence is unknown, or when there is no text of it
 */
export function readPackageNotice(folder: string): Notice {
  const description = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as PackageDescription;
  const { name, version, license } = description;
  assertPermitted(name, license);
  const files = readdirSync(folder).filter((file) => !codeFile.test(file));
  const readAll = (pattern: RegExp) =>
    files
      .filter((file) => pattern.test(file))
      .sort()
      .map((file) => withoutBlankEnds(readFileSync(join(folder, file), 'utf8')));
  const licences = readAll(licenceFile);
  const texts = licences.length > 0 ? licences : [toStandardText(description, license)];
  const hash = findHash(folder);
  return {
    name,
    version,
    licence: license,
    texts: [...texts, ...readAll(noticeFile)],
    purl: `pkg:npm/${name.replace('@', '%40')}@${version}`,
    ...(hash !== undefined && { hash }),
  };
}

let lock: Readonly<Record<string, { readonly integrity?: string }>> | undefined;

/** Returns the hash of a package's archive, by the lock file of the folder that this runs in. */
function findHash(folder: string): Hash | undefined {
  lock ??= JSON.parse(readFileSync('package-lock.json', 'utf8')).packages as NonNullable<typeof lock>;
  const [, base64] = /^sha512-(\S+)/.exec(lock[folder]?.integrity ?? '') ?? [];
  if (base64 === undefined) return undefined;
  return { alg: 'SHA-512', content: Buffer.from(base64, 'base64').toString('hex') };
}

function toStandardText({ name, author }: PackageDescription, licence: string): string {
  const text = standardText(licence);
  if (text === undefined)
    throw new NoticeError(`${name} has no licence file, and tools/notices/texts has no text of ${licence}.`);
  // The text of the Apache License is the same for all of its works.
  if (licence === 'Apache-2.0') return text;
  const holder = (typeof author === 'string' ? author : author?.name)?.replace(/\s*[<(].*$/, '');
  if (!holder) throw new NoticeError(`${name} has no licence file and names no author.`);
  return `Copyright (c) ${holder}\n\n${text}`;
}
