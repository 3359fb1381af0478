// `npm run build` of other sources, which are short.
import { spawnSync } from 'node:child_process';
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it, onTestFinished } from 'vitest';

const project = fileURLToPath(new URL('../../../', import.meta.url));
const sources = {
  'functions/kept/handler.ts': "export const handler = () => import('./late.ts');",
  'functions/kept/late.ts': 'export const late = 1;',
  'functions/gone/handler.ts': '',
  'playground/index.html': '',
  'playground/main.tsx': '',
  'playground/style.css': '',
  'src/api/grammar/grammar-worker.ts': '',
  'src/startup/front.ts': '',
  'src/startup/preload.ts': '',
};

it('keeps a chunk that it replaces for a day, for a server that has not loaded it yet', () => {
  const root = mkdtempSync(join(tmpdir(), 'build-'));
  onTestFinished(() => rmSync(root, { recursive: true }));
  for (const path of ['esbuild.config.ts', 'package.json']) cpSync(join(project, path), join(root, path));
  symlinkSync(join(project, 'node_modules'), join(root, 'node_modules'));
  const put = (path: string, content: string) => {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), content);
  };
  for (const [path, content] of Object.entries(sources)) put(path, content);
  const chunks = join(root, 'dist/functions/chunks');
  /** Builds, and returns the chunks that are there with `late`. */
  const build = () => {
    const { status, stderr } = spawnSync(process.execPath, ['esbuild.config.ts'], {
      cwd: root,
      encoding: 'utf8',
    });
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    return readdirSync(chunks).filter((name) => /^late-.*\.mjs$/.test(name));
  };

  const [first = ''] = build();
  utimesSync(join(chunks, first), 1, 1);
  put('functions/kept/late.ts', 'export const late = 2;');
  rmSync(join(root, 'functions/gone'), { recursive: true });

  expect(build()).toHaveLength(2);
  expect(build()).toContain(first);
  expect(readdirSync(join(root, 'dist/functions')).toSorted()).toEqual([
    'chunks',
    'kept.mjs',
    'kept.mjs.map',
  ]);

  utimesSync(join(chunks, first), 1, 1);
  expect(build()).toHaveLength(1);
});
