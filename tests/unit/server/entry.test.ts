// infra/entry.sh with a `node` that only tells how it was started.
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const tellingNode = `#!/bin/sh
printf '%s\\n' "$0" "$PWD" "$_HANDLER" "$LAMBDA_TASK_ROOT" "$MODEL_DIR" "$@"
`;

let folder: string;
let root: string;
let bin: string;

beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'entry-')));
  root = join(folder, 'a root');
  bin = join(folder, 'bin');
  for (const made of [join(root, 'infra'), bin]) mkdirSync(made, { recursive: true });
  copyFileSync(join(import.meta.dirname, '../../../infra/entry.sh'), join(root, 'infra/entry.sh'));
  writeProgram(join(bin, 'node'));
});

afterEach(() => rmSync(folder, { recursive: true }));

function writeProgram(path: string): void {
  writeFileSync(path, tellingNode);
  chmodSync(path, 0o755);
}

/** Runs the script and gives what its `node` was told. */
function run({ script = join(root, 'infra/entry.sh'), args = [] as string[], env = {}, cwd = folder } = {}) {
  const path = `${bin}:/usr/bin:/bin`;
  const output = execFileSync(script, args, { cwd, env: { PATH: path, ...env }, encoding: 'utf8' });
  const [node, startedIn, handler, taskRoot, modelDir, ...rest] = output.trimEnd().split('\n');
  return { node, startedIn, handler, taskRoot, modelDir, args: rest };
}

/** Runs the script, and gives a variable of its `node` as a line. */
function variableOfNode(name: string, env: Readonly<Record<string, string>>): string {
  writeFileSync(join(bin, 'node'), `#!/bin/sh\nprintenv ${name} || echo none\n`);
  return execFileSync(join(root, 'infra/entry.sh'), {
    env: { PATH: `${bin}:/usr/bin:/bin`, ...env },
    encoding: 'utf8',
  });
}

describe('infra/entry.sh', () => {
  it('names the baked prefixes only where there are any, and leaves a folder that is set as it is', () => {
    const prefixDirectory = (env = {}) => variableOfNode('PREFIX_DIR', env);

    expect(prefixDirectory()).toBe('none\n');
    expect(prefixDirectory({ PREFIX_DIR: '/nowhere' })).toBe('/nowhere\n');
    mkdirSync(join(root, 'dist/prefixes'), { recursive: true });
    expect(prefixDirectory()).toBe(`${join(root, 'dist/prefixes')}\n`);
  });

  it('has glibc share one heap between all threads, unless the environment says otherwise', () => {
    const arenas = (env = {}) => variableOfNode('MALLOC_ARENA_MAX', env);

    expect(arenas()).toBe('1\n');
    expect(arenas({ AWS_LAMBDA_RUNTIME_API: '127.0.0.1:9001' })).toBe('1\n');
    expect(arenas({ MALLOC_ARENA_MAX: '4' })).toBe('4\n');
  });

  it('has glibc ask for large pages where the model is, unless the environment says otherwise', () => {
    const tunables = (env = {}) =>
      variableOfNode('GLIBC_TUNABLES', { AWS_LAMBDA_RUNTIME_API: '127.0.0.1:9001', ...env });

    expect(tunables()).toBe('glibc.malloc.hugetlb=1\n');
    expect(tunables({ GLIBC_TUNABLES: 'glibc.malloc.check=1' })).toBe('glibc.malloc.check=1\n');
    expect(variableOfNode('GLIBC_TUNABLES', {})).toBe('none\n');
  });

  it('starts the front when there is no runtime API, where it was called', () => {
    expect(run()).toEqual({
      node: join(bin, 'node'),
      startedIn: folder,
      handler: 'completion.handler',
      taskRoot: join(root, 'dist/functions'),
      modelDir: join(root, 'dist/model'),
      args: [join(root, 'dist/server/main.mjs'), 'completion.handler'],
    });
  });

  it('starts the runtime when there is one', () => {
    const told = run({ args: ['batch.handler'], env: { AWS_LAMBDA_RUNTIME_API: '127.0.0.1:9001' } });

    expect(told).toMatchObject({
      handler: 'batch.handler',
      args: [
        '--import',
        join(root, 'dist/preload.mjs'),
        join(root, 'node_modules/aws-lambda-ric/index.mjs'),
        'batch.handler',
      ],
    });
  });

  it('takes the handler from its argument whatever the environment says, and keeps what it may', () => {
    const env = {
      _HANDLER: '',
      LAMBDA_TASK_ROOT: '/var/task',
      MODEL_DIR: '/mnt/model',
    };

    expect(run({ env })).toMatchObject({
      handler: 'completion.handler',
      taskRoot: join(root, 'dist/functions'),
      modelDir: '/mnt/model',
    });
  });

  it('names the model that the link leads to now', () => {
    symlinkSync('../model A', join(root, 'link'));
    mkdirSync(join(root, 'dist'));
    mkdirSync(join(folder, 'model A'));
    symlinkSync('../link', join(root, 'dist/model'));

    expect(run()).toMatchObject({ modelDir: join(folder, 'model A'), startedIn: folder });
  });

  it("takes a checkout's own node before the one on PATH", () => {
    const own = join(root, 'node_modules/.bin/node');
    mkdirSync(join(root, 'node_modules/.bin'), { recursive: true });
    writeProgram(own);

    expect(run().node).toBe(own);
  });

  it.each([
    { name: 'a relative path', cwd: () => join(root, 'infra'), script: () => './entry.sh' },
    { name: 'an absolute link', cwd: () => folder, script: () => linkTo(join(root, 'infra/entry.sh')) },
    { name: 'a relative link', cwd: () => folder, script: () => linkTo('a root/infra/entry.sh') },
    {
      name: 'a linked folder',
      cwd: () => folder,
      script: () => join(linkTo(join(root, 'infra')), 'entry.sh'),
    },
  ])('finds its root by $name', ({ cwd, script }) => {
    expect(run({ cwd: cwd(), script: script() }).taskRoot).toBe(join(root, 'dist/functions'));
  });
});

function linkTo(target: string): string {
  const link = join(folder, 'link');
  symlinkSync(target, link);
  return link;
}
