import { Readable } from 'node:stream';
import { afterEach, expect, it, vi } from 'vitest';
import { passLog } from '../../../src/server/emulator-log.ts';

afterEach(() => vi.restoreAllMocks());

const initError = (type: string) =>
  `2026-11-29T04:41:25.117Z\t-\tERROR\tInit Error \t{"errorType":"${type}","errorMessage":"No model","stack":[]}`;

it.each([
  ['START RequestId: 7d1c-a Version: $LATEST', false],
  ['REPORT RequestId: 7d1c-a	Init Duration: 0.05 ms', false],
  ['', false],
  ['29 Nov 2026 11:52:03,217 [WARNING] (rapid) Reset initiated: SandboxTerminated', false],
  [initError('GgufError'), false],
  [initError('Error'), false],
  [initError('TypeError'), true],
  ['llama.cpp error: llama_model_load: error loading model', true],
])('passes on what the front does not say itself: %j is %s', async (line, isPassed) => {
  const written = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
  await passLog(Readable.from([`${line}\n`]));

  expect(written.mock.calls.map(([text]) => text)).toEqual(isPassed ? [`${line}\n`] : []);
});
