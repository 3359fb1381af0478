import { DeleteObjectCommand, GetObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { mockClient } from 'aws-sdk-client-mock';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { fail, startObjectServer } from '../../../bench/object-server.ts';
import { BucketArchive } from '../../../src/archive/bucket-archive.ts';
import type { ArchiveName } from '../../../src/config/archive.ts';
import { keyOf, recordWarnings, stateOf } from './states.ts';

const day = 86_400_000;
const path = `/states-bucket/states/${keyOf('a')}`;

function openArchive({ name = 'CACHE', days = 7 }: { name?: ArchiveName; days?: number } = {}) {
  const recorded = recordWarnings();
  const archive = new BucketArchive(
    { name, kind: 'bucket', bucket: 'states-bucket', days },
    recorded.options,
  );
  return { ...recorded, archive };
}

/** Starts an S3 server, and leads the SDK's clients to it. */
async function startServer(...args: Parameters<typeof startObjectServer>) {
  const server = await startObjectServer(...args);
  onTestFinished(() => server[Symbol.asyncDispose]());
  for (const [name, value] of Object.entries(server.env)) vi.stubEnv(name, value);
  onTestFinished(() => void vi.unstubAllEnvs());
  return server;
}

describe('over HTTP', () => {
  it.each([1, 70_000, 9_000_000])('reads a state of %d bytes in another process', async (bytes) => {
    const { objects } = await startServer();
    const state = stateOf(bytes);
    await openArchive().archive.write(keyOf('a'), state);
    const { archive, warnings } = openArchive();

    expect(Buffer.compare(state, (await archive.read(keyOf('a'))) ?? Buffer.from('none'))).toBe(0);
    expect(await archive.read(keyOf('b'))).toBeUndefined();
    expect([...objects.keys()]).toEqual([path]);
    expect(objects.get(path)?.headers['x-amz-checksum-crc32']).toBeDefined();
    expect(warnings).toEqual([]);
  });

  it('warns once of a damaged state, and reads it again after it was replaced', async () => {
    const { objects } = await startServer();
    const { archive, warnings } = openArchive();
    await archive.write(keyOf('a'), stateOf(1_000));
    objects.get(path)?.bytes.fill(0, 500, 501);

    expect(await archive.read(keyOf('a'))).toBeUndefined();
    expect(await archive.read(keyOf('a'))).toBeUndefined();
    expect(warnings).toEqual([
      expect.stringMatching(/^A state of a conversation is not used: .*Checksum mismatch/),
    ]);
    await archive.write(keyOf('a'), stateOf(1_000));
    expect(await archive.read(keyOf('a'))).toEqual(stateOf(1_000));
  });

  it('does not use an object without a checksum', async () => {
    const { objects } = await startServer();
    const { archive, warnings } = openArchive();
    objects.set(path, { bytes: stateOf(100), headers: {}, storedAt: new Date() });

    expect(await archive.read(keyOf('a'))).toBeUndefined();
    expect(warnings).toEqual([expect.stringContaining('Checksum mismatch: it has none')]);
  });

  it('does not read a state that has expired', async () => {
    await startServer();
    const { archive, clock, warnings } = openArchive({ days: 2 });
    await archive.write(keyOf('a'), stateOf(100));

    clock.now += 1.9 * day;
    expect(await archive.read(keyOf('a'))).toBeDefined();
    clock.now += 0.2 * day;
    expect(await archive.read(keyOf('a'))).toBeUndefined();
    expect(warnings).toEqual([]);
  });

  it('takes the denial of a list for a missing state, and any other denial for a failure', async () => {
    let action = 's3:ListBucket';
    const denial = () =>
      `User: arn:aws:sts::111122223333:assumed-role/r/f is not authorized to perform: ${action} on resource: "arn:aws:s3:::states-bucket" because no identity-based policy allows the ${action} action`;
    let requests = 0;
    await startServer((_, response) => {
      requests += 1;
      fail(response, 403, 'AccessDenied', denial());
      return true;
    });
    const { archive, warnings, clock } = openArchive();

    expect(await archive.read(keyOf('a'))).toBeUndefined();
    expect(warnings).toEqual([]);
    action = 's3:GetObject';
    expect(await archive.read(keyOf('a'))).toBeUndefined();
    expect(await archive.read(keyOf('a'))).toBeUndefined();
    expect(requests).toBe(2);
    clock.now += 60_000;
    expect(await archive.read(keyOf('a'))).toBeUndefined();

    expect(requests).toBe(3);
    expect(warnings).toEqual([
      expect.stringMatching(/^CACHE_BUCKET=states-bucket cannot be read \(AccessDenied: .*s3:GetObject/),
    ]);
  });

  it('keeps reading when it may not write', async () => {
    let mayWrite = true;
    await startServer((request, response) => {
      if (mayWrite || request.method !== 'PUT') return false;
      request.resume();
      fail(response, 403, 'AccessDenied');
      return true;
    });
    const { archive, warnings } = openArchive();
    await archive.write(keyOf('a'), stateOf(100));
    mayWrite = false;

    await archive.write(keyOf('b'), stateOf(100));
    await archive.write(keyOf('b'), stateOf(100));

    expect(await archive.read(keyOf('a'))).toEqual(stateOf(100));
    expect(warnings).toEqual([expect.stringContaining('cannot be written (AccessDenied')]);
  });

  it('throws the reason of a signal that is aborted during the download, and only then', async () => {
    const { promise: begun, resolve: begin } = Promise.withResolvers<void>();
    let isSlow = true;
    const { objects } = await startServer((request, response) => {
      const stored = objects.get(path);
      if (!isSlow || request.method !== 'GET' || stored === undefined) return false;
      response.writeHead(200, {
        'content-length': stored.bytes.length,
        'last-modified': new Date().toUTCString(),
        'x-amz-checksum-crc32': String(stored.headers['x-amz-checksum-crc32']),
      });
      response.write(stored.bytes.subarray(0, 100), () => begin());
      return true;
    });
    const { archive, warnings } = openArchive();
    await archive.write(keyOf('a'), stateOf(200_000));
    const controller = new AbortController();
    const reason = new Error('The client has left.');

    const reading = archive.read(keyOf('a'), controller.signal);
    await begun;
    controller.abort(reason);
    await expect(reading).rejects.toBe(reason);
    await expect(archive.read(keyOf('a'), AbortSignal.abort(reason))).rejects.toBe(reason);

    isSlow = false;
    expect(await archive.read(keyOf('a'))).toEqual(stateOf(200_000));
    expect(warnings).toEqual([]);
  });

  it('evaluates when the connection breaks during the download', async () => {
    const { objects } = await startServer((request, response) => {
      const stored = objects.get(path);
      if (request.method !== 'GET' || stored === undefined) return false;
      response.writeHead(200, {
        'content-length': stored.bytes.length,
        'last-modified': new Date().toUTCString(),
        'x-amz-checksum-crc32': String(stored.headers['x-amz-checksum-crc32']),
      });
      response.write(stored.bytes.subarray(0, 100), () => response.destroy());
      return true;
    });
    const { archive, warnings } = openArchive();
    await archive.write(keyOf('a'), stateOf(200_000));

    expect(await archive.read(keyOf('a'))).toBeUndefined();
    expect(warnings).toEqual([expect.stringContaining('CACHE_BUCKET=states-bucket cannot be read')]);
  });

  it('warns once when nothing answers', async () => {
    const server = await startServer();
    await server[Symbol.asyncDispose]();
    const { archive, warnings } = openArchive();

    expect(await archive.read(keyOf('a'))).toBeUndefined();
    expect(await archive.read(keyOf('a'))).toBeUndefined();

    expect(warnings).toHaveLength(1);
  });

  it('expects what earlier states took', async () => {
    await startServer();
    const { archive } = openArchive();
    const bytes = 10_000_000;
    const guessed = archive.expected.readMs(bytes);
    expect(guessed).toBeGreaterThan(100);
    await archive.write(keyOf('a'), stateOf(bytes));
    expect(archive.expected.writeMs(bytes)).not.toBe(guessed);

    await archive.read(keyOf('a'));

    expect(archive.expected.readMs(bytes)).not.toBe(guessed);
  });
});

describe('an archive of responses', () => {
  it('has its own folder, and can remove a response', async () => {
    const { objects } = await startServer();
    const { archive, warnings } = openArchive({ name: 'RESPONSES' });

    expect(await archive.write(keyOf('a'), stateOf(100))).toBe(true);
    expect([...objects.keys()]).toEqual([`/states-bucket/responses/${keyOf('a')}`]);
    expect(await openArchive().archive.read(keyOf('a'))).toBeUndefined();
    expect(await archive.remove(keyOf('a'))).toBe(true);
    expect(await archive.remove(keyOf('a'))).toBe(true);
    expect(await archive.read(keyOf('a'))).toBeUndefined();
    expect(archive.isReadable).toBe(true);
    expect(warnings).toEqual([]);
  });

  it('tells that it failed, and tries again after seconds', async () => {
    let isDown = true;
    await startServer((request, response) => {
      if (!isDown) return false;
      request.resume();
      fail(response, 403, 'AccessDenied', 'not authorized to perform: s3:GetObject');
      return true;
    });
    const { archive, warnings, clock } = openArchive({ name: 'RESPONSES' });

    expect(await archive.write(keyOf('a'), stateOf(100))).toBe(false);
    expect(await archive.read(keyOf('a'))).toBeUndefined();
    expect(archive.isReadable).toBe(false);
    expect(await archive.remove(keyOf('a'))).toBe(false);
    isDown = false;
    clock.now += 5_000;

    expect(await archive.write(keyOf('a'), stateOf(100))).toBe(true);
    expect(await archive.read(keyOf('a'))).toEqual(stateOf(100));
    expect(archive.isReadable).toBe(true);
    expect(warnings).toEqual([
      expect.stringMatching(/^RESPONSES_BUCKET=states-bucket cannot be written .* every 5 seconds, and/),
      expect.stringMatching(/^RESPONSES_BUCKET=states-bucket cannot be read/),
    ]);
  });
});

describe('its requests', () => {
  it('name the bucket, a key under states/ and a checksum', async () => {
    const s3 = mockClient(S3Client);
    onTestFinished(() => s3.restore());
    s3.on(PutObjectCommand).resolves({});
    s3.on(GetObjectCommand).rejects(Object.assign(new Error('There is none.'), { name: 'NoSuchKey' }));
    const { archive, warnings } = openArchive();

    await archive.write(keyOf('a'), stateOf(3));
    expect(await archive.read(keyOf('a'))).toBeUndefined();

    const place = { Bucket: 'states-bucket', Key: `states/${keyOf('a')}` };
    expect(s3.calls().map(({ args: [{ input }] }) => input)).toEqual([
      { ...place, Body: stateOf(3), ChecksumAlgorithm: 'CRC32' },
      { ...place, ChecksumMode: 'ENABLED' },
    ]);
    expect(warnings).toEqual([]);
  });

  it('delete exactly one key', async () => {
    const s3 = mockClient(S3Client);
    onTestFinished(() => s3.restore());
    s3.on(DeleteObjectCommand).resolves({});

    await openArchive({ name: 'RESPONSES' }).archive.remove(keyOf('a'));

    expect(s3.calls().map(({ args: [{ input }] }) => input)).toEqual([
      { Bucket: 'states-bucket', Key: `responses/${keyOf('a')}` },
    ]);
  });

  it('share one client', async () => {
    const s3 = mockClient(S3Client);
    onTestFinished(() => s3.restore());
    s3.on(PutObjectCommand).resolves({});
    const { archive } = openArchive();

    await archive.write(keyOf('a'), stateOf(3));
    await archive.write(keyOf('b'), stateOf(3));

    const clients = s3.commandCalls(PutObjectCommand).map(({ thisValue }) => thisValue);
    expect(clients).toHaveLength(2);
    expect(clients[0]).toBe(clients[1]);
  });
});
