// What the bundles of the functions load, as esbuild tells it: at a start, and at a request.
import { readFileSync } from 'node:fs';
import type { Metafile } from 'esbuild';
import { describe, expect, it } from 'vitest';

const { outputs } = JSON.parse(
  readFileSync(new URL('../../dist/metafile.json', import.meta.url), 'utf8'),
) as Pick<Metafile, 'outputs'>;

function importsOf(chunk: string, kind: 'import-statement' | 'dynamic-import'): string[] {
  const imports = outputs[chunk]?.imports ?? [];
  return imports.filter((each) => each.kind === kind && !each.external).map(({ path }) => path);
}

/** The chunks, and those that are loaded with them. */
function withImports(chunks: readonly string[]): string[] {
  const loaded = new Set<string>();
  const load = (chunk: string): void => {
    if (loaded.has(chunk)) return;
    loaded.add(chunk);
    importsOf(chunk, 'import-statement').forEach(load);
  };
  chunks.forEach(load);
  return [...loaded];
}

/** The sources of which chunks have code. */
function sourcesOf(chunks: readonly string[]): string[] {
  return chunks.flatMap((chunk) =>
    Object.entries(outputs[chunk]?.inputs ?? {}).flatMap(([source, { bytesInOutput }]) =>
      bytesInOutput > 0 ? [source] : [],
    ),
  );
}

function printSize(title: string, chunks: readonly string[]): void {
  const bytes = chunks.reduce((sum, chunk) => sum + (outputs[chunk]?.bytes ?? 0), 0);
  console.log(`${title}: ${Math.round(bytes / 1000)} kB in ${chunks.length} files`);
}

const startOf = (name: string) => withImports([`dist/functions/${name}.mjs`]);

describe.each(['completion', 'stream', 'batch'])('the function %s', (name) => {
  it('starts with the engine, and without the code of requests', () => {
    const start = startOf(name);
    const sources = sourcesOf(start);
    printSize(`${name}, at the start`, start);

    expect(sources).toContain('src/engine/llama/llama-engine.ts');
    expect(
      sources.filter((source) => /^src\/(?:api|http|chat|json-schema|batch)\/|^node_modules\//.test(source)),
    ).toEqual([]);
  });
});

describe.each(['completion', 'stream'])('the function %s', (name) => {
  const start = startOf(name);
  const request = withImports(
    start
      .flatMap((chunk) => importsOf(chunk, 'dynamic-import'))
      .filter((chunk) => /pipeline|load-service/.test(outputs[chunk]?.entryPoint ?? '')),
  ).filter((chunk) => !start.includes(chunk));
  const sources = sourcesOf(request);

  it('answers a chat without the code of the APIs that are translated to it', () => {
    printSize(`${name}, at the first request`, request);

    expect(sources).toContain('src/api/chat/chat.ts');
    const others = [
      'responses/responses.ts',
      'responses/stored-responses.ts',
      'messages/messages.ts',
      'ollama/ollama-chat.ts',
      'decisions/decisions.ts',
      'native/native-completions.ts',
    ].map((path) => `src/api/${path}`);
    expect(sources.filter((source) => others.includes(source))).toEqual([]);
    expect(Object.values(outputs).flatMap(({ inputs }) => Object.keys(inputs))).toEqual(
      expect.arrayContaining(others),
    );
  });

  it('answers a chat without AWS clients, metrics, batches and the playground', () => {
    expect(
      sources.filter((source) =>
        /^node_modules\/(?:@aws|@smithy|prom-client|preact|marked|dompurify|node-llama-cpp)|^src\/batch\/|^playground\//.test(
          source,
        ),
      ),
    ).toEqual([]);
    expect(sources).not.toContain('src/http/playground-page.ts');
  });
});

describe('the function batch-files', () => {
  it('has no engine, no chat and no model', () => {
    const chunks = startOf('batch-files');
    const sources = sourcesOf(chunks);
    printSize('batch-files', chunks);

    expect(sources).toContain('src/batch/s3-store.ts');
    expect(sources.filter((source) => /^src\/(?:engine|chat|http|model)\//.test(source))).toEqual([]);
  });
});
