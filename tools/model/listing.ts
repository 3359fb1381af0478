// What `list` and `show` print of the catalog.
import { modelArtifact, toolArtifact } from '../store/artifact.ts';
import type { Catalog, ModelEntry } from '../store/catalog.ts';
import { isStored } from '../store/stored.ts';
import { formatBytes, formatParameters, formatTable } from '../terminal/format.ts';

const HEADINGS = ['', 'NAME', 'PARAMETERS', 'QUANTISATION', 'SIZE', 'CONTEXT', 'LICENCE', 'HASH', 'STORED'];

/** The catalog as a table; `*` marks the default. */
export function listModels(catalog: Catalog, root: string): string {
  const rows = catalog.models.map((model) => [
    model.name === catalog.default ? '*' : ' ',
    model.name,
    formatParameters(model.parameters),
    model.quantisation,
    sizeOf(model),
    String(model.contextLength),
    model.licence,
    model.sha256 === null ? 'not yet checked' : `pinned${model.verified ? ` ${model.verified.on}` : ''}`,
    isStored(root, modelArtifact(model)) ? 'yes' : 'no',
  ]);
  const tools = Object.entries(catalog.tools).flatMap(([name, tool]) =>
    (['x64', 'arm64'] as const).map((architecture) => {
      const size = formatBytes(tool.builds[architecture].sizeBytes);
      const stored = isStored(root, toolArtifact(name, tool, architecture)) ? 'yes' : 'no';
      return [' ', `${name} (${architecture})`, '', '', size, '', tool.licence, 'pinned', stored];
    }),
  );
  return formatTable([HEADINGS, ...rows, ...tools], [2, 4, 5]);
}

/** A model's entry, a line for each fact. */
export function showModel(model: ModelEntry, catalog: Catalog, root: string): string {
  const unchecked = 'not yet checked: the first fetch pins it';
  const facts: [string, string][] = [
    ['name', model.name + (model.name === catalog.default ? ' (default)' : '')],
    ['title', model.title],
    ['licence', model.licence],
    ['parameters', `${model.parameters} (${formatParameters(model.parameters)})`],
    ['quantisation', model.quantisation],
    ['context', `${model.contextLength} tokens`],
    ['size', model.sizeBytes === null ? `${sizeOf(model)}, ${unchecked}` : `${model.sizeBytes} bytes`],
    ['sha256', model.sha256 ?? unchecked],
    ...(model.chatTemplate ? [['chat template', model.chatTemplate] as [string, string]] : []),
    ...(model.verified ? [['verified', toVerification(model.verified)] as [string, string]] : []),
    ['stored', isStored(root, modelArtifact(model)) ? 'yes' : 'no'],
    ...model.sources.map((source): [string, string] => ['source', source]),
    ...(model.note ? [['note', model.note] as [string, string]] : []),
  ];
  return formatTable(facts, []);
}

function toVerification({ on, by }: NonNullable<ModelEntry['verified']>): string {
  return by === 'source' ? `${on}: its source publishes this hash` : `${on}: the hash of the file as it came`;
}

function sizeOf({ sizeBytes, approximateSizeBytes }: ModelEntry): string {
  if (sizeBytes !== null) return formatBytes(sizeBytes);
  return approximateSizeBytes === undefined ? '?' : `~${formatBytes(approximateSizeBytes)}`;
}
