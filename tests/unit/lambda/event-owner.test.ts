import { expect, it } from 'vitest';
import { assertOwner } from '../../../src/lambda/event-owner.ts';
import { readEvent } from '../../events.ts';

it.each([
  ['completion', 'completion'],
  ['chat', 'completion'],
  ['sqs', 'batch'],
  ['batch-chunk', 'batch'],
  ['batch-split', 'batch-files'],
] as const)('knows that the event %s is for the function %s', (event, owner) => {
  expect(() => assertOwner(readEvent(event), owner)).not.toThrow();
  for (const other of ['completion', 'batch', 'batch-files'] as const) {
    if (other === owner) continue;
    expect(() => assertOwner(readEvent(event), other)).toThrow(
      `This event is for the function '${owner}', and this is '${other}'. Invoke '${owner}'; on your machine, ` +
        `'npm start -- ${owner}.handler' starts it.`,
    );
  }
});
