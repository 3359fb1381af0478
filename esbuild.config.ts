// Bundles every `functions/*/handler.ts` to `dist/functions/*.mjs`, and the front of a machine that is not
// Lambda to `dist/local/main.mjs`. Run it with `npm run build`.
import { globSync, rmSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { build } from 'esbuild';

// By path, not by folder: aws-lambda-ric imports the handler's path without an extension first, and a folder
// of that name beside the file would win.
const functions = globSync('functions/*/handler.ts').map((path) => ({
  in: path,
  out: `functions/${basename(dirname(path))}`,
}));

rmSync('dist/functions', { recursive: true, force: true });
rmSync('dist/local', { recursive: true, force: true });
await build({
  entryPoints: [...functions, { in: 'local/main.ts', out: 'local/main' }],
  outdir: 'dist',
  outExtension: { '.js': '.mjs' },
  bundle: true,
  // What only some need (a secret's client, metrics, templates) is loaded by those; apart from the handlers, whose
  // folder is read to list them.
  splitting: true,
  chunkNames: 'functions/chunks/[name]-[hash]',
  platform: 'node',
  target: 'node24',
  format: 'esm',
  minify: true,
  // Stack traces name classes and functions as the source does.
  keepNames: true,
  sourcemap: 'linked',
  sourcesContent: false,
  legalComments: 'none',
  // Packages in CommonJS ask for Node's own modules with it, and a module has none.
  banner: {
    js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);",
  },
  // Native modules find their libraries by their own place on the disk.
  external: ['node-llama-cpp', '@node-llama-cpp/*'],
  logLevel: 'warning',
});
