import { GetAccountSettingsCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { mockClient } from 'aws-sdk-client-mock';
import { beforeEach, describe, expect, it } from 'vitest';
import { checkQuotas } from '../../../../tools/deploy/quotas.ts';
import { awsError, failureOf, region } from './fixtures.ts';

const lambda = mockClient(LambdaClient);

beforeEach(() => {
  lambda.reset();
});

/** Checks parameters against an account with this concurrency. */
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

describe('checkQuotas, of concurrency', () => {
  it.each([
    ['no reservation', 10, 10, '0', undefined],
    ['a reservation that leaves 100 unreserved', 1000, 1000, '900', undefined],
    ['a reservation that is deployed already', 1000, 100, '900', '900'],
    ['a reservation smaller than the deployed one', 1000, 50, '10', '20'],
  ])('accepts %s', async (_, all, unreserved, wanted, deployed) => {
    const before = deployed === undefined ? {} : { ReservedConcurrency: deployed };

    expect(await check(all, unreserved, { ReservedConcurrency: wanted }, before)).toEqual([
      `Concurrency: ${unreserved} of the account's ${all} concurrent executions are unreserved; this deployment reserves ${wanted}.`,
    ]);
  });

  it('rejects more provisioned than reserved concurrency', async () => {
    const failure = await failureOf(
      check(1000, 1000, { ReservedConcurrency: '5', ProvisionedConcurrency: '6' }),
    );

    expect(failure).toMatchObject({
      code: 'no-concurrency',
      message: expect.stringMatching(/^ProvisionedConcurrency=6 .* ReservedConcurrency=5/),
    });
  });

  it.each([
    ['leaves fewer than 100 unreserved', 1000, 1000, '901', '0', 900],
    ['grows by more than the unreserved rest', 1000, 110, '31', '20', 30],
    ['is made in a new account', 10, 10, '1', '0', 0],
  ])('rejects a reservation that %s', async (_, all, unreserved, wanted, deployed, possible) => {
    const failure = await failureOf(
      check(all, unreserved, { ReservedConcurrency: wanted }, { ReservedConcurrency: deployed }),
    );

    expect(failure).toMatchObject({ code: 'no-concurrency' });
    expect(failure.message).toContain(`ReservedConcurrency=${wanted} exceeds the account's quota`);
    expect(failure.message).toContain(`Reserve at most ${possible},`);
  });

  it.each([
    ['AccessDeniedException', /^Concurrency: not checked\. .*lambda:GetAccountSettings/],
    ['TooManyRequestsException', /^Concurrency: not checked\. .*try again/],
  ])('skips the check after %s', async (name, line) => {
    lambda.on(GetAccountSettingsCommand).rejects(awsError(name));
    const { signal } = new AbortController();

    const lines = await checkQuotas(new LambdaClient({ region }), { wanted: {}, deployed: {} }, signal);

    expect(lines).toEqual([expect.stringMatching(line)]);
  });
});

describe('checkQuotas, of memory', () => {
  it("warns about memory above a new account's limit", async () => {
    const lines = await check(1000, 1000, { MemorySize: '3538', BatchMemorySize: '3008' });

    expect(lines.slice(1)).toEqual([
      expect.stringMatching(/^Memory: MemorySize=3538 exceeds the 3008 MB .* --parameter MemorySize=3008\.$/),
    ]);
  });

  it('does not warn about memory that is deployed already', async () => {
    expect(await check(1000, 1000, { MemorySize: '3538' }, { MemorySize: '3538' })).toHaveLength(1);
  });
});
