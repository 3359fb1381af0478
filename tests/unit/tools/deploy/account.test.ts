import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import { mockClient } from 'aws-sdk-client-mock';
import { beforeEach, describe, expect, it } from 'vitest';
import { findCaller, findRegion } from '../../../../tools/deploy/account.ts';
import { awsError, caller, failureOf, region } from './fixtures.ts';

const sts = mockClient(STSClient);
const signal = new AbortController().signal;
const unconfigured = async () => {
  throw new Error('Region is missing');
};

beforeEach(() => {
  sts.reset();
});

describe('the region', () => {
  it.each([
    ['eu-west-1', { AWS_REGION: 'eu-west-2', AWS_DEFAULT_REGION: 'eu-west-3' }, 'eu-west-1'],
    [undefined, { AWS_REGION: 'eu-west-2', AWS_DEFAULT_REGION: 'eu-west-3' }, 'eu-west-2'],
    [undefined, { AWS_REGION: ' ', AWS_DEFAULT_REGION: 'us-gov-west-1' }, 'us-gov-west-1'],
    [undefined, {}, 'sa-east-1'],
  ])('of --region %s and %o is %s', async (option, env, expected) => {
    expect(await findRegion(option, env, async () => 'sa-east-1')).toBe(expected);
  });

  it('is asked for when nothing names it', async () => {
    expect(await failureOf(findRegion(undefined, {}, unconfigured))).toMatchObject({
      code: 'no-region',
      message:
        'There is no AWS region: add --region to the command, or set AWS_REGION, such as to eu-central-1.',
    });
  });

  it('is refused when it is none', async () => {
    expect(await failureOf(findRegion('Frankfurt', {}, unconfigured))).toMatchObject({
      code: 'no-region',
      message: expect.stringMatching(/^"Frankfurt" is no AWS region/),
    });
  });
});

describe('the caller', () => {
  it('is who the credentials are of', async () => {
    sts.on(GetCallerIdentityCommand).resolves(caller);

    expect(await findCaller(new STSClient({ region }), signal)).toEqual({
      account: caller.Account,
      arn: caller.Arn,
    });
  });

  it.each([
    ['CredentialsProviderError', 'Could not load', 'no-credentials', /^There are no AWS credentials: log in/],
    [
      'CredentialsProviderError',
      'The SSO session has expired.',
      'expired-credentials',
      /have expired: log in again/,
    ],
    ['ExpiredToken', 'It is included', 'expired-credentials', /have expired: log in again/],
    ['ExpiredTokenException', 'It is included', 'expired-credentials', /have expired: log in again/],
    ['InvalidClientTokenId', 'It is invalid', 'unknown-credentials', /does not take these credentials/],
    ['SignatureDoesNotMatch', 'It is not', 'unknown-credentials', /does not take these credentials/],
    ['AccessDenied', 'It is denied', 'denied', /may not sts:GetCallerIdentity/],
    ['Throttling', 'Rate exceeded', 'throttled', /try again in a minute/],
    [
      'TimeoutError',
      'connect ETIMEDOUT',
      'request-failed',
      /^sts:GetCallerIdentity failed: connect ETIMEDOUT\.$/,
    ],
  ])('%s (%s) is %s, in one line', async (name, message, code, line) => {
    sts.on(GetCallerIdentityCommand).rejects(awsError(name, 400, `${message}\nmore`));

    const failure = await failureOf(findCaller(new STSClient({ region }), signal));

    expect(failure).toMatchObject({ code, message: expect.stringMatching(line) });
    expect(failure.message).not.toContain('\n');
  });

  it.each([
    [403, 'denied'],
    [429, 'throttled'],
    [500, 'request-failed'],
  ])('an unknown error with status %i is %s', async (status, code) => {
    sts.on(GetCallerIdentityCommand).rejects(awsError('Whatever', status));

    expect(await failureOf(findCaller(new STSClient({ region }), signal))).toMatchObject({ code });
  });
});
