import { GetAccountSettingsCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { mockClient } from 'aws-sdk-client-mock';
import { beforeEach, describe, expect, it } from 'vitest';
import { checkQuotas } from '../../../../tools/deploy/quotas.ts';
import { awsError, failureOf, region } from './fixtures.ts';

const lambda = mockClient(LambdaClient);

beforeEach(() => {
  lambda.reset();
});

/** Checks parameters against an account's concurrency. */
function check(
  all: number,
  unreserved: number,
  wanted: Readonly<Record<string, string>>,
  deployed: Readonly<Record<string, string>> = {},
) {
  lambda.on(GetAccountSettingsCommand).resolves({
    AccountLimit: { ConcurrentExecutions: all, UnreservedConcurrentExecutions: unreserved },
  });
  const { signal } = new AbortController();
  return checkQuotas(new LambdaClient({ region }), { wanted, deployed }, signal);
}

describe('the concurrency of an account', () => {
  it.each([
    ['nothing', 10, 10, '0', undefined],
    ['what leaves a hundred', 1000, 1000, '900', undefined],
    ['what is deployed already', 1000, 100, '900', '900'],
    ['less than is deployed', 1000, 50, '10', '20'],
  ])('has room for %s', async (_, all, unreserved, wanted, deployed) => {
    const before = deployed === undefined ? {} : { ReservedConcurrency: deployed };

    expect(await check(all, unreserved, { ReservedConcurrency: wanted }, before)).toEqual([
      `Concurrency: ${unreserved} of the account's ${all} concurrent executions are unreserved, ${wanted} are to be reserved.`,
    ]);
  });

  it('has no room for more that are always up than there may be', async () => {
    const failure = await failureOf(
      check(1000, 1000, { ReservedConcurrency: '5', ProvisionedConcurrency: '6' }),
    );

    expect(failure).toMatchObject({
      code: 'no-concurrency',
      message: expect.stringMatching(/^ProvisionedConcurrency=6 .* ReservedConcurrency=5/),
    });
  });

  it.each([
    ['leaves fewer than a hundred', 1000, 1000, '901', '0', 900],
    ['grows by more than there is', 1000, 110, '31', '20', 30],
    ['is for a new account', 10, 10, '1', '0', 0],
  ])('has no room for what %s', async (_, all, unreserved, wanted, deployed, possible) => {
    const failure = await failureOf(
      check(all, unreserved, { ReservedConcurrency: wanted }, { ReservedConcurrency: deployed }),
    );

    expect(failure).toMatchObject({ code: 'no-concurrency' });
    expect(failure.message).toContain(`ReservedConcurrency=${wanted} does not fit`);
    expect(failure.message).toContain(`Up to ${possible} can be reserved`);
  });

  it.each([
    ['AccessDeniedException', /^Concurrency: not checked\. .*lambda:GetAccountSettings/],
    ['TooManyRequestsException', /^Concurrency: not checked\. .*try again/],
  ])('that is not told (%s) stops nothing', async (name, line) => {
    lambda.on(GetAccountSettingsCommand).rejects(awsError(name));
    const { signal } = new AbortController();

    const lines = await checkQuotas(new LambdaClient({ region }), { wanted: {}, deployed: {} }, signal);

    expect(lines).toEqual([expect.stringMatching(line)]);
  });
});

describe('memory', () => {
  it('over what a new account may have is warned of', async () => {
    const lines = await check(1000, 1000, { MemorySize: '3538', BatchMemorySize: '3008' });

    expect(lines.slice(1)).toEqual([
      expect.stringMatching(
        /^Memory: MemorySize=3538 is more than the 3008 MB .* --parameter MemorySize=3008\.$/,
      ),
    ]);
  });

  it('that is deployed already is not', async () => {
    expect(await check(1000, 1000, { MemorySize: '3538' }, { MemorySize: '3538' })).toHaveLength(1);
  });
});
