// Bundles every `functions/*/handler.ts` to `dist/functions/*.mjs`, and the front of a machine that is not
// Lambda to `dist/server/main.mjs`; `dist/preload.mjs` runs before either. The playground becomes one file,
// `dist/playground.html`. Run it with `npm run build`.
import { globSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { createRequire, isBuiltin } from 'node:module';
import { basename, dirname } from 'node:path';
import { type BuildOptions, build, type Metafile, type Plugin } from 'esbuild';

// By path, not by folder: aws-lambda-ric imports the handler's path without an extension first, and a folder
// of that name beside the file would win.
const functions = globSync('functions/*/handler.ts').map((path) => ({
  in: path,
  out: `functions/${basename(dirname(path))}`,
}));

/**
 * Loads each of Node's own modules at its first use. An import would load it before anything else runs, and read each of its
 * exports: of `node:http` the whole of fetch, of `node:crypto` each algorithm.
 */
const lazyBuiltins: Plugin = {
  name: 'lazy-builtins',
  setup({ onResolve, onLoad }) {
    // Each file that imports one has its own copy. What several share would be a file of its own.
    onResolve({ filter: /^(?:node:)?[a-z_/]+$/ }, ({ path, kind, importer }) =>
      isBuiltin(path) && kind !== 'require-call'
        ? { path, namespace: 'builtin', suffix: `?${importer}` }
        : undefined,
    );
    onLoad({ filter: /.*/, namespace: 'builtin' }, ({ path }) => ({ contents: toLazyModule(path) }));
  },
};

/** A module with the exports of one of Node's own. What is not used of it is left out of the bundle. */
function toLazyModule(path: string): string {
  const properties = Object.entries(Object.getOwnPropertyDescriptors(createRequire(import.meta.url)(path)));
  const exports = properties.map(([name, { value }]) =>
    isPlainFunction(name, value)
      ? `export const ${name} = (...given) => load().${name}(...given);`
      : `export const ${name} = /* @__PURE__ */ (() => load().${name})();`,
  );
  return [
    'let loaded;',
    `const load = () => (loaded ??= process.getBuiltinModule('${path}'));`,
    'export default /* @__PURE__ */ load();',
    ...exports,
  ].join('\n');
}

/** Whether an export is no more than a function: no class, and without another form for `promisify()`. */
function isPlainFunction(name: string, value: unknown): boolean {
  const own = ['length', 'name', 'prototype'];
  return (
    typeof value === 'function' &&
    /^[a-z]/.test(name) &&
    Reflect.ownKeys(value).every((key) => own.includes(String(key)))
  );
}

/** A server that runs loads its chunks at their first use. So they stay this long after a build has replaced them. */
const replacedChunkMs = 24 * 60 * 60 * 1000;

type Outputs = Metafile['outputs'];

function readLastOutputs(): Outputs {
  try {
    return (JSON.parse(readFileSync('dist/metafile.json', 'utf8')) as Metafile).outputs;
  } catch {
    return {};
  }
}

/** Removes what earlier builds have left beside the outputs of this one. */
function removeReplaced(outputs: Outputs): void {
  const last = readLastOutputs();
  const now = new Date();
  for (const path of globSync('dist/{functions,server}/**/*.*').filter((each) => !(each in outputs))) {
    const isChunk = basename(dirname(path)) === 'chunks';
    if (isChunk && path in last) utimesSync(path, now, now);
    else if (!isChunk || statSync(path).mtimeMs < now.getTime() - replacedChunkMs) rmSync(path);
  }
}

const options: BuildOptions & { metafile: true } = {
  outExtension: { '.js': '.mjs' },
  bundle: true,
  // What only some need (a secret's client, metrics, templates) is loaded by those.
  splitting: true,
  platform: 'node',
  target: 'node24',
  format: 'esm',
  minify: true,
  // Stack traces name classes and functions as the source does.
  keepNames: true,
  sourcemap: 'linked',
  sourcesContent: false,
  // Beside the bundles, so that they stay small and the comments stay with them.
  legalComments: 'external',
  // Packages in CommonJS ask for Node's own modules with it, and a module has none.
  banner: { js: "const require = process.getBuiltinModule('node:module').createRequire(import.meta.url);" },
  // Native modules find their libraries by their own place on the disk.
  external: ['@node-llama-cpp/*'],
  // The reader of GGUF headers alone: it describes a model that has no manifest, and an image has no other part of the package.
  alias: {
    'node-llama-cpp': `${import.meta.dirname}/node_modules/node-llama-cpp/dist/gguf/readGgufFileInfo.js`,
  },
  plugins: [lazyBuiltins],
  logLevel: 'warning',
  metafile: true,
};
const inFunctions = await build({
  ...options,
  entryPoints: [
    ...functions,
    { in: 'src/startup/preload.ts', out: 'preload' },
    // Where the chunk is that starts it.
    { in: 'src/api/grammar/grammar-worker.ts', out: 'functions/chunks/grammar-worker' },
  ],
  outdir: 'dist',
  // Apart from the handlers, whose folder is read to list them.
  chunkNames: 'functions/chunks/[name]-[hash]',
});
// A build of its own puts all that it starts with into one file. With the functions it shared twelve small ones.
const inFront = await build({
  ...options,
  entryPoints: [{ in: 'src/startup/front.ts', out: 'main' }],
  outdir: 'dist/server',
  chunkNames: 'chunks/[name]-[hash]',
});
// A browser gets one file, and asks for no other: script and style are within the page.
const inPage = await build({
  entryPoints: ['playground/main.tsx', 'playground/style.css'],
  outdir: 'dist/playground',
  write: false,
  bundle: true,
  minify: true,
  platform: 'browser',
  target: 'es2023',
  format: 'iife',
  jsx: 'automatic',
  jsxImportSource: 'preact',
  legalComments: 'eof',
  logLevel: 'warning',
  metafile: true,
});
const [script = '', style = ''] = ['.js', '.css'].map((end) =>
  inPage.outputFiles.find(({ path }) => path.endsWith(end))?.text.trim(),
);
writeFileSync(
  'dist/playground.html',
  readFileSync('playground/index.html', 'utf8')
    .replace('<style></style>', () => `<style>${style}</style>`)
    .replace('<script></script>', () => `<script>${script}</script>`),
);
// Tells which packages are in the bundles: tools/notices reads it.
const outputs = { ...inFunctions.metafile.outputs, ...inFront.metafile.outputs, ...inPage.metafile.outputs };
removeReplaced(outputs);
writeFileSync('dist/metafile.json', JSON.stringify({ outputs }));
