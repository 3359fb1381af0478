import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { RuntimeLink } from '../../../src/server/runtime-link.ts';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'link-'));
});

afterEach(() => rmSync(folder, { recursive: true }));

describe('RuntimeLink', () => {
  it("listens in a directory that is this user's alone, and removes it", async () => {
    const link = await RuntimeLink.open([folder]);

    expect(dirname(dirname(link.path))).toBe(folder);
    expect(statSync(dirname(link.path)).mode & 0o777).toBe(0o700);
    link.remove();
    expect(existsSync(dirname(link.path))).toBe(false);
  });

  it.each(['/proc', `${'a'.repeat(100)}`])(
    'takes another directory when it cannot be %s',
    async (unusable) => {
      const link = await RuntimeLink.open([unusable, folder]);

      expect(dirname(dirname(link.path))).toBe(folder);
      link.remove();
    },
  );

  it('fails with the reasons when no directory can be written to', async () => {
    await expect(RuntimeLink.open(['/proc', '/nowhere'])).rejects.toThrow(
      /private socket.*\/proc.*\/nowhere.*Set TMPDIR/,
    );
  });

  it('knows a runtime from its number to the end of its connection', async () => {
    const link = await RuntimeLink.open([folder]);
    const losses: number[] = [];
    link.onLoss = () => losses.push(1);
    const silent = connect(link.path);
    await once(silent, 'connect');
    silent.destroy();
    const connection = connect(link.path);
    connection.write('4711 ["Model: ');
    connection.write('tiny"]\n');

    expect(await link.next()).toMatchObject({
      pid: 4711,
      description: ['Model: tiny'],
      socket: join(dirname(link.path), '4711.sock'),
    });
    connection.destroy();
    await expect.poll(() => link.runtime).toBeUndefined();
    expect(losses).toEqual([1]);
    link.remove();
  });

  it('gets an answer to each ping from a runtime that runs', async () => {
    const link = await RuntimeLink.open([folder]);
    const connection = connect(link.path);
    connection.write('4711\n');
    const { ping } = await link.next();
    connection.on('data', (byte) => connection.write(byte));

    await Promise.all([ping(), ping()]);
    await ping();

    connection.destroy();
    link.remove();
  });

  it('waits for what a runtime still does when nothing more is asked', async () => {
    const link = await RuntimeLink.open([folder]);
    const connection = connect({ path: link.path, allowHalfOpen: true });
    connection.resume().write('4711\n');
    await link.next();
    let isDrained = false;
    const draining = link.drain(60_000).then(() => {
      isDrained = true;
    });
    await once(connection, 'end');

    expect(isDrained).toBe(false);
    connection.end();
    await draining;
    link.remove();
  });

  it('waits no longer than it is told to', async () => {
    const link = await RuntimeLink.open([folder]);
    const connection = connect({ path: link.path, allowHalfOpen: true });
    connection.write('4711\n');
    await link.next();
    await link.drain(1);

    connection.destroy();
    link.remove();
  });

  it('waits no longer for a runtime that was killed before it has read a ping', async () => {
    const link = await RuntimeLink.open([folder]);
    const connection = connect(link.path).pause();
    connection.write('4711\n');
    void (await link.next()).ping();
    const draining = link.drain(60_000);
    connection.destroy();

    await draining;
    link.remove();
  });

  it('rejects those who wait when it is closed', async () => {
    const link = await RuntimeLink.open([folder]);
    const waiting = link.next();
    link.close(new Error('closed'));

    await expect(waiting).rejects.toThrow('closed');
    await expect(link.next()).rejects.toThrow('closed');
    link.remove();
  });
});
