import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { DirectoryStore } from '../../../../tools/batch/directory-store.ts';
import { answerFile } from '../../../../tools/batch/local.ts';
import { toLine, toService } from '../../batch/requests.ts';
import { FakeEngine } from '../../fake-engine.ts';

const onRemoved = vi.hoisted(() => vi.fn<(path: unknown) => void>());
vi.mock('node:fs/promises', async (original) => {
  const real = await original<typeof import('node:fs/promises')>();
  const remove: typeof real.rm = async (path, options) => {
    await real.rm(path, options);
    onRemoved(path);
  };
  return { ...real, rm: remove };
});

/** Creates a folder with a file of requests. */
function folderWith(lines: readonly string[]) {
  const folder = mkdtempSync(join(tmpdir(), 'batches-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'requests.jsonl');
  writeFileSync(file, lines.map((line) => `${line}\n`).join(''));
  return { folder, file };
}

async function answer(file: string, engine: FakeEngine, signal = new AbortController().signal) {
  const progress: number[] = [];
  const results = await answerFile(file, {
    slots: 2,
    env: {},
    signal,
    onProgress: ({ done }) => progress.push(done),
    load: async (env) => {
      expect(env.SLOTS).toBe('2');
      return toService(engine);
    },
  });
  return { ...results, progress };
}

function ids(path: string): string[] {
  const lines = readFileSync(path, 'utf8')
    .split('\n')
    .filter((line) => line !== '');
  return lines.map((line) => (JSON.parse(line) as { custom_id: string }).custom_id);
}

describe('answerFile', () => {
  it('writes two files in the order of the input and removes its working folder', async () => {
    const { folder, file } = folderWith([toLine('a'), toLine('b', { prompt: 7 }), toLine('c')]);
    const { output, errors, progress } = await answer(file, new FakeEngine(' x', { slots: 2 }));

    expect(output).toEqual({ path: join(folder, 'requests.output.jsonl'), lines: 2 });
    expect(errors).toEqual({ path: join(folder, 'requests.errors.jsonl'), lines: 1 });
    expect(ids(output.path)).toEqual(['a', 'c']);
    expect(ids(errors.path)).toEqual(['b']);
    expect(progress.at(-1)).toBe(3);
    expect(readdirSync(folder).toSorted()).toEqual([
      'requests.errors.jsonl',
      'requests.jsonl',
      'requests.output.jsonl',
    ]);
  });

  it('resumes an interrupted run', async () => {
    const { file } = folderWith(['a', 'b', 'c', 'd'].map((id) => toLine(id)));
    const interruption = new AbortController();
    const interrupted = new FakeEngine(' x', {
      beforeEvent: (generation) => generation === 2 && interruption.abort(new Error('Enough.')),
    });
    await expect(answer(file, interrupted, interruption.signal)).rejects.toThrow('Enough.');
    const engine = new FakeEngine(' another');

    const { output } = await answer(file, engine);

    expect(engine.requests).toHaveLength(2);
    expect(ids(output.path)).toEqual(['a', 'b', 'c', 'd']);
  });

  it('keeps what was answered when the next run fails before it goes on', async () => {
    const { file } = folderWith([toLine('a'), toLine('b'), toLine('c')]);
    const interruption = new AbortController();
    const interrupted = new FakeEngine(' x', {
      beforeEvent: (generation) => generation === 2 && interruption.abort(new Error('Enough.')),
    });
    await expect(answer(file, interrupted, interruption.signal)).rejects.toThrow('Enough.');
    const write = vi.spyOn(DirectoryStore.prototype, 'put').mockRejectedValueOnce(new Error('ENOSPC'));
    onTestFinished(() => write.mockRestore());
    await expect(answer(file, new FakeEngine())).rejects.toThrow('ENOSPC');
    const engine = new FakeEngine(' another');

    await answer(file, engine);

    expect(engine.requests).toHaveLength(1);
  });

  it('leaves the results of a finished run as they are', async () => {
    const { file } = folderWith([toLine('a'), toLine('b', { prompt: 7 })]);
    const first = await answer(file, new FakeEngine(' first'));
    const engine = new FakeEngine(' second');

    const { wasAnswered, output, errors } = await answer(file, engine);

    expect({ wasAnswered, output, errors }).toEqual({
      wasAnswered: true,
      output: first.output,
      errors: first.errors,
    });
    expect(engine.requests).toEqual([]);
    expect(readFileSync(output.path, 'utf8')).toContain(' first');
    expect(existsSync(`${file}.batch`)).toBe(false);
  });

  it('answers a finished file again when it has changed, or when a result is missing', async () => {
    const { file } = folderWith([toLine('a')]);
    const { output } = await answer(file, new FakeEngine(' first'));
    writeFileSync(file, `${toLine('a', { prompt: 'Another' })}\n`);

    expect(await answer(file, new FakeEngine(' second'))).toMatchObject({ wasAnswered: false });
    expect(readFileSync(output.path, 'utf8')).toContain(' second');

    rmSync(output.path);
    expect(await answer(file, new FakeEngine(' third'))).toMatchObject({ wasAnswered: false });
  });

  it('starts again when the file has changed', async () => {
    const { file } = folderWith([toLine('a'), toLine('b')]);
    const interruption = new AbortController();
    const interrupted = new FakeEngine(' x', {
      beforeEvent: (generation) => generation === 1 && interruption.abort(new Error('Enough.')),
    });
    await expect(answer(file, interrupted, interruption.signal)).rejects.toThrow('Enough.');
    writeFileSync(file, `${toLine('c')}\n${toLine('d')}\n`);
    const engine = new FakeEngine(' another');

    const { output } = await answer(file, engine);

    expect(engine.requests).toHaveLength(2);
    expect(ids(output.path)).toEqual(['c', 'd']);
  });

  it('rejects a file that this process is answering', async () => {
    const { file } = folderWith([toLine('a')]);
    const begun = Promise.withResolvers<void>();
    const released = Promise.withResolvers<void>();
    const engine = new FakeEngine(' x', {
      beforeEvent: () => {
        begun.resolve();
        return released.promise;
      },
    });
    const first = answer(file, engine);
    await begun.promise;

    await expect(answer(file, new FakeEngine())).rejects.toThrow(
      `${file} is already answered by process ${process.pid}: wait until it ends, or stop it.`,
    );
    released.resolve();
    expect(await first).toMatchObject({ wasAnswered: false });
  });

  it('holds its lock until the working folder is removed', async () => {
    const { folder, file } = folderWith([toLine('a')]);
    let left: string[] = [];
    onRemoved.mockImplementation((path) => {
      if (path === `${file}.batch`) left = readdirSync(folder);
    });
    await answer(file, new FakeEngine());

    expect(left).toContain('requests.jsonl.batch.lock');
  });

  it('rejects a missing file and a file without lines', async () => {
    const { file } = folderWith([]);

    await expect(answer(file, new FakeEngine())).rejects.toThrow('has no lines');
    expect(existsSync(`${file}.batch`)).toBe(false);
    await expect(answer('/nowhere/requests.jsonl', new FakeEngine())).rejects.toThrow(
      'There is no file /nowhere/requests.jsonl: check the path.',
    );
    expect(existsSync('/nowhere')).toBe(false);
  });
});
