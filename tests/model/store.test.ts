// The default model and the emulator, fetched through the real pip into a new store and hashed.
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readManifest } from '../../src/model/manifest.ts';
import { findArtifact } from '../../tools/store/artifact.ts';
import { readCatalog } from '../../tools/store/catalog.ts';
import { fetchArtifact } from '../../tools/store/fetch-artifact.ts';
import { fetchModel } from '../../tools/store/fetch-model.ts';
import { describeGguf } from '../../tools/store/gguf-description.ts';
import { readStoreLocation } from '../../tools/store/location.ts';
import { verifyStored } from '../../tools/store/stored.ts';
import { createStore } from '../unit/tools/store/store-fixture.ts';

const { catalog } = readStoreLocation({});

test('the default model comes from its real source with the pinned hash', async () => {
  const { location, options } = createStore();
  const fetched = await fetchModel({ ...location, catalog }, 'smollm2-135m-instruct-q4_1', options);
  expect(fetched.sha256).toBe('b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53');
  const manifest = readManifest(fetched.directory);
  const header = await describeGguf(join(fetched.directory, manifest.file));
  expect(header).toMatchObject({ architecture: 'llama', generates: true });
  expect(manifest).toMatchObject({
    sizeBytes: 98_362_432,
    parameters: header.parameters,
    quantisation: header.quantisation,
    contextLength: header.contextLength,
  });
});

test.each([
  ['x64', '6b1e686e62ab2baf5759c412c4864276ef2a88b094fca53ec070637ccba9b9a5', 0x3e],
  ['arm64', 'ec2e5d09633d853834c008b1ef264bf834b258a94d551d2b2074966494b39a21', 0xb7],
])('the emulator for %s comes from its real source, executable', async (architecture, sha256, machine) => {
  const { location, options } = createStore();
  const artifact = findArtifact(readCatalog(catalog), 'aws-lambda-rie', architecture);
  const { directory } = await fetchArtifact(location.root, artifact, options);
  expect((await verifyStored(location.root, artifact, undefined)).sha256).toBe(sha256);
  const path = join(directory, 'aws-lambda-rie');
  expect(statSync(path).mode & 0o777).toBe(0o755);
  expect(readFileSync(path).readUInt16LE(18)).toBe(machine); // e_machine of the ELF header
});
