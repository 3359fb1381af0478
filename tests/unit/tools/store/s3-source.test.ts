import { Readable } from 'node:stream';
import { GetObjectCommand, type GetObjectCommandOutput, S3Client } from '@aws-sdk/client-s3';
import { mockClient } from 'aws-sdk-client-mock';
import { beforeEach, expect, test } from 'vitest';
import { fetchModel } from '../../../../tools/store/fetch-model.ts';
import { sha256Of, tinyGguf } from './gguf-fixture.ts';
import { createStore, entryFor, failureOf, STORED_TINY } from './store-fixture.ts';

const bytes = tinyGguf();
const s3 = mockClient(S3Client);
const entry = entryFor(bytes, ['s3://models/some/tiny.gguf']);

beforeEach(() => {
  s3.reset();
});

/** An answer with `body`, which says it is `length` bytes long. */
function object(body: Readable, length: number, etag = '"1"') {
  return { Body: body as NonNullable<GetObjectCommandOutput['Body']>, ContentLength: length, ETag: etag };
}

/** The first 200 bytes, and then a connection reset. */
async function* reset() {
  yield bytes.subarray(0, 200);
  throw Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' });
}

function named(name: string) {
  return Object.assign(new Error(`S3 says ${name}`), { name });
}

function inputs() {
  return s3.commandCalls(GetObjectCommand).map((call) => call.args[0].input);
}

test('fetches an object', async () => {
  s3.on(GetObjectCommand).resolves(object(Readable.from([bytes]), bytes.length));
  const store = createStore(entry);
  expect((await fetchModel(store.location, 'tiny', store.options)).sha256).toBe(sha256Of(bytes));
  expect(inputs()).toEqual([{ Bucket: 'models', Key: 'some/tiny.gguf' }]);
  expect(store.contents()).toEqual(STORED_TINY);
});

test('continues an interrupted object, and only the same version of it', async () => {
  s3.on(GetObjectCommand)
    .resolvesOnce(object(Readable.from(reset()), bytes.length))
    .resolves(object(Readable.from([bytes.subarray(200)]), bytes.length - 200));
  const store = createStore(entry);
  expect(await failureOf(fetchModel(store.location, 'tiny', store.options))).toMatchObject({
    code: 'interrupted',
  });
  await fetchModel(store.location, 'tiny', store.options);
  expect(inputs()[1]).toEqual({
    Bucket: 'models',
    Key: 'some/tiny.gguf',
    Range: 'bytes=200-',
    IfMatch: '"1"',
  });
  expect(store.contents()).toEqual(STORED_TINY);
});

test('begins anew when the object has changed since', async () => {
  s3.on(GetObjectCommand)
    .resolvesOnce(object(Readable.from(reset()), bytes.length))
    .rejectsOnce(named('PreconditionFailed'))
    .resolves(object(Readable.from([bytes]), bytes.length, '"2"'));
  const store = createStore(entry);
  await failureOf(fetchModel(store.location, 'tiny', store.options));
  await fetchModel(store.location, 'tiny', store.options);
  expect(inputs()[2]).toEqual({ Bucket: 'models', Key: 'some/tiny.gguf' });
  expect(store.contents()).toEqual(STORED_TINY);
});

test('takes a body that ends early for an interruption', async () => {
  s3.on(GetObjectCommand).resolves(object(Readable.from([bytes.subarray(0, 100)]), bytes.length));
  const store = createStore(entry);
  const failure = await failureOf(fetchModel(store.location, 'tiny', store.options));
  expect(failure).toMatchObject({
    code: 'interrupted',
    message: expect.stringContaining('100 of 512 bytes'),
  });
});

test.each([
  ['NoSuchKey', 'source-gone'],
  ['NoSuchBucket', 'source-gone'],
  ['AccessDenied', 'source-refused'],
  ['CredentialsProviderError', 'source-refused'],
  ['TimeoutError', 'interrupted'],
])('%s is %s, in one line that names the object', async (name, code) => {
  s3.on(GetObjectCommand).rejects(named(name));
  const store = createStore(entry);
  const failure = await failureOf(fetchModel(store.location, 'tiny', store.options));
  expect(failure).toMatchObject({
    code,
    message: expect.stringMatching(/^s3:\/\/models\/some\/tiny\.gguf.*$/),
  });
});

test('a URI without a key is refused unasked', async () => {
  const store = createStore(entryFor(bytes, ['s3://models']));
  expect(await failureOf(fetchModel(store.location, 'tiny', store.options))).toMatchObject({
    code: 'unusable-source',
  });
  expect(inputs()).toEqual([]);
});

test('says which variable to set where no region is known', async () => {
  s3.on(GetObjectCommand).rejects(new Error('Region is missing'));
  const store = createStore(entry);
  expect(await failureOf(fetchModel(store.location, 'tiny', store.options))).toMatchObject({
    code: 'source-refused',
    message:
      "s3://models/some/tiny.gguf cannot be read: no AWS region is set. Set AWS_REGION to the bucket's region, such as AWS_REGION=eu-central-1.",
  });
});
