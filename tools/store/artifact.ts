// What the store keeps under a name: a model's GGUF, or one architecture's build of a tool.
import { type Architecture, type Catalog, findModel, type ModelEntry, type ToolEntry } from './catalog.ts';
import { StoreError } from './errors.ts';
import type { Expectation } from './verify.ts';

/** Files that are fetched, verified and stored together. */
export interface Artifact {
  /** Its directory's name in the store. */
  readonly name: string;
  /** What `fetch` is called with for it. */
  readonly fetchArguments: string;
  readonly sources: readonly string[];
  readonly expected: Expectation;
  /** The file's name in the store; null keeps the source's own. */
  readonly fileName: string | null;
  readonly executable: boolean;
}

/** A model's artifact. */
export function modelArtifact(model: ModelEntry): Artifact {
  const { name, sources, sizeBytes, sha256 } = model;
  const expected = { gguf: true, sizeBytes, sha256 };
  return { name, fetchArguments: name, sources, expected, fileName: null, executable: false };
}

/** The artifact of a tool's build for one architecture, stored as `<name>-<architecture>/<file>`. */
export function toolArtifact(name: string, tool: ToolEntry, architecture: Architecture): Artifact {
  const { sources, sizeBytes, sha256 } = tool.builds[architecture];
  return {
    name: `${name}-${architecture}`,
    fetchArguments: `${name} --arch ${architecture}`,
    sources,
    expected: { gguf: false, sizeBytes, sha256 },
    fileName: tool.file,
    executable: true,
  };
}

/**
 * The artifact of a catalog name, a model's or a tool's.
 *
 * @param architecture of a tool, in Node's terms (`process.arch`)
 * @throws {StoreError} `unknown-name`, also for an architecture no tool is built for
 */
export function findArtifact(catalog: Catalog, name: string, architecture: string): Artifact {
  const tool = Object.hasOwn(catalog.tools, name) ? catalog.tools[name] : undefined;
  if (!tool) return modelArtifact(findModel(catalog, name));
  if (architecture === 'x64' || architecture === 'arm64') return toolArtifact(name, tool, architecture);
  throw new StoreError('unknown-name', `${name} is not built for "${architecture}": expected x64 or arm64.`);
}
