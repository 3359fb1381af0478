// The list of what the image holds beside its base, as a software bill of materials in CycloneDX's format. Its library has an
// optional XML parser that runs an install script, and this is no more than JSON.
// https://cyclonedx.org/docs/1.6/json
import { type Notice, permittedLicences } from './notice.ts';

/** The product that the components are of. */
export interface Product {
  readonly name: string;
  readonly version: string;
}

/** Two builds of the same components give the same text, so it has no time and no serial number. */
export function formatSbom(components: readonly Notice[], { name, version }: Product): string {
  // A package may be bundled from two places, and may have parts that are not bundled.
  const each = [...new Map(components.map((notice) => [toReference(notice), notice])).values()];
  const sbom = {
    $schema: 'http://cyclonedx.org/schema/bom-1.6.schema.json',
    bomFormat: 'CycloneDX',
    specVersion: '1.6',
    version: 1,
    metadata: { component: { type: 'container', 'bom-ref': name, name, version } },
    components: each.map(toComponent),
    dependencies: [{ ref: name, dependsOn: each.map(toReference) }],
  };
  return `${JSON.stringify(sbom, undefined, 2)}\n`;
}

function toComponent(notice: Notice): object {
  const { type = 'library', version, licence, hash, purl } = notice;
  const [, group, name = notice.name] = /^(@[^/]+)\/(.+)$/.exec(notice.name) ?? [];
  return {
    type,
    'bom-ref': toReference(notice),
    ...(group !== undefined && { group }),
    name,
    ...(version !== undefined && { version }),
    ...(hash !== undefined && { hashes: [hash] }),
    licenses: [toLicence(licence)],
    ...(purl !== undefined && { purl }),
  };
}

/** Packages may be there in several versions. */
function toReference({ name, version, purl }: Notice): string {
  return purl ?? (version === undefined ? name : `${name}@${version}`);
}

function toLicence(licence: string): object {
  if (/\s(?:OR|AND|WITH)\s/.test(licence)) return { expression: licence };
  return { license: permittedLicences.has(licence) ? { id: licence } : { name: licence } };
}
