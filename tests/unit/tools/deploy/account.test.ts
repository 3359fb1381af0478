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

describe('findRegion', () => {
  it.each([
    ['eu-west-1', { AWS_REGION: 'eu-west-2', AWS_DEFAULT_REGION: 'eu-west-3' }, 'eu-west-1'],
    [undefined, { AWS_REGION: 'eu-west-2', AWS_DEFAULT_REGION: 'eu-west-3' }, 'eu-west-2'],
    [undefined, { AWS_REGION: ' ', AWS_DEFAULT_REGION: 'us-gov-west-1' }, 'us-gov-west-1'],
    [undefined, {}, 'sa-east-1'],
  ])('with --region %s and the environment %o returns %s', async (option, env, expected) => {
    expect(await findRegion(option, env, async () => 'sa-east-1')).toBe(expected);
  });

  it('throws no-region when no source sets a region', async () => {
    expect(await failureOf(findRegion(undefined, {}, unconfigured))).toMatchObject({
      code: 'no-region',
      message: 'No AWS region is set: add --region eu-central-1 to the command, or set AWS_REGION.',
    });
  });

  it('rejects a name that does not have the form of a region', async () => {
    expect(await failureOf(findRegion('Frankfurt', {}, unconfigured))).toMatchObject({
      code: 'no-region',
      message: expect.stringMatching(/^"Frankfurt" is not an AWS region/),
    });
  });
});

describe('findCaller', () => {
  it('returns the account and the ARN of the credentials', async () => {
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
    ['InvalidClientTokenId', 'It is invalid', 'unknown-credentials', /rejects these credentials/],
    ['SignatureDoesNotMatch', 'It is not', 'unknown-credentials', /rejects these credentials/],
    ['AccessDenied', 'It is denied', 'denied', /lack the permission sts:GetCallerIdentity/],
    ['Throttling', 'Rate exceeded', 'throttled', /try again in a minute/],
    [
      'TimeoutError',
      'connect ETIMEDOUT',
      'request-failed',
      /^sts:GetCallerIdentity failed: connect ETIMEDOUT\.$/,
    ],
  ])('reports %s (%s) as %s in one line', async (name, message, code, line) => {
    sts.on(GetCallerIdentityCommand).rejects(awsError(name, 400, `${message}\nmore`));

    const failure = await failureOf(findCaller(new STSClient({ region }), signal));

    expect(failure).toMatchObject({ code, message: expect.stringMatching(line) });
    expect(failure.message).not.toContain('\n');
  });

  it.each([
    [403, 'denied'],
    [429, 'throttled'],
    [500, 'request-failed'],
  ])('reports an unknown error with status %i as %s', async (status, code) => {
    sts.on(GetCallerIdentityCommand).rejects(awsError('Whatever', status));

    expect(await failureOf(findCaller(new STSClient({ region }), signal))).toMatchObject({ code });
  });
});
