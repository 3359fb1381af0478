// A notice names one component of the image, its licence and the licence's text.
import { readFileSync } from 'node:fs';

/** Software or a model that the image holds. */
export interface Notice {
  readonly name: string;
  /** Absent where the component has none. */
  readonly version?: string;
  /** An SPDX identifier, or the licence's name where SPDX has none. */
  readonly licence: string;
  /** The texts that its licence asks to be kept with every copy. */
  readonly texts: readonly string[];
  /** By CycloneDX's names. Default: `library`. */
  readonly type?: 'application' | 'machine-learning-model';
  /** The package URL, such as `pkg:npm/zod@4.0.0`. Absent where it comes from no registry. */
  readonly purl?: string;
  /** Of the file, or of the package's archive. Absent where it is not known. */
  readonly hash?: Hash;
}

export interface Hash {
  readonly alg: 'SHA-256' | 'SHA-512';
  /** In hexadecimal digits. */
  readonly content: string;
}

/** The image may not be built: a component's licence is unknown, or its text is missing. */
export class NoticeError extends Error {
  override readonly name = 'NoticeError';
}

/** Licences whose components may be in the image, as SPDX names them. Each asks for its text to be kept, or for nothing. */
export const permittedLicences: ReadonlySet<unknown> = new Set([
  'Apache-2.0',
  'BSD-2-Clause',
  'BSD-3-Clause',
  'ISC',
  'MIT',
  'MIT-0',
  'BlueOak-1.0.0',
  // DOMPurify's, by the choice of Apache-2.0.
  '(MPL-2.0 OR Apache-2.0)',
]);

/** Licences whose standard text is in `texts/`, without its copyright line. */
const standardLicences = new Set(['Apache-2.0', 'BSD-2-Clause', 'MIT', 'MIT-0']);

/** @throws {NoticeError} for a licence that is not among those that the image may hold */
export function assertPermitted(name: string, licence: unknown): asserts licence is string {
  if (typeof licence === 'string' && permittedLicences.has(licence)) return;
  const permitted = [...permittedLicences].join(', ');
  throw new NoticeError(
    `${name} has the unknown licence ${JSON.stringify(licence)}. The image may hold: ${permitted}. Read the licence, then add it to tools/notices/notice.ts.`,
  );
}

/** Reads a file of `texts/`. */
export function readText(file: string): string {
  return withoutBlankEnds(readFileSync(new URL(`texts/${file}`, import.meta.url), 'utf8'));
}

/** Equal texts are to be equal strings: their first line keeps its indentation. */
export function withoutBlankEnds(text: string): string {
  return text
    .replaceAll('\r\n', '\n')
    .replace(/^\s*\n/, '')
    .trimEnd();
}

/** The standard text of a licence; undefined where `texts/` has none. */
export function standardText(licence: string): string | undefined {
  return standardLicences.has(licence) ? readText(`${licence}.txt`) : undefined;
}

const rule = '='.repeat(80);

/** The file that the image holds: a list of all components, then every text once with the components that it covers. */
export function formatNotices(notices: readonly Notice[]): string {
  const covered = new Map<string, string[]>();
  for (const notice of notices) {
    for (const text of notice.texts) covered.set(text, [...(covered.get(text) ?? []), toTitle(notice)]);
  }
  const list = notices.map((notice) => `  ${toTitle(notice)}: ${notice.licence}`);
  const texts = [...covered].map(([text, titles]) => `${rule}\n${titles.join('\n')}\n\n${text}\n`);
  return [`${introduction}\n${list.join('\n')}\n`, ...texts].join('\n');
}

const introduction = `This image holds gguf-lambda, whose licence is in the file LICENSE, and the components below. Their texts follow.

Node.js and Debian's packages come with the base image, which holds their licences: in /usr/local/LICENSE and in
/usr/share/doc/*/copyright.
`;

function toTitle({ name, version }: Notice): string {
  return version === undefined ? name : `${name} ${version}`;
}
