// The fields of Lambda's context that the functions read.
import type { Context } from 'aws-lambda';

export function fakeContext(awsRequestId = 'a1b2', remainingMs = 60_000): Context {
  return { awsRequestId, getRemainingTimeInMillis: () => remainingMs } as Context;
}
