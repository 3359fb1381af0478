import { CloudFormationClient, DescribeStacksCommand } from '@aws-sdk/client-cloudformation';
import { mockClient } from 'aws-sdk-client-mock';
import { beforeEach, describe, expect, it } from 'vitest';
import { assertIdle, assertUpdatable, findStack } from '../../../../tools/deploy/stack.ts';
import { awsError, failureOf, noStack, region, stackOf } from './fixtures.ts';

const cloudFormation = mockClient(CloudFormationClient);
const name = 'gguf-lambda-dev';

beforeEach(() => {
  cloudFormation.reset();
});

function find() {
  return findStack(new CloudFormationClient({ region }), name, new AbortController().signal);
}

function stackIn(status: string) {
  return { name, status, isProtected: false, changedAt: 0, parameters: {}, outputs: {} };
}

describe('findStack', () => {
  it('returns the status, parameters and outputs', async () => {
    const described = stackOf('CREATE_COMPLETE', { StreamUrl: 'https://x/' }, { MemorySize: '3538' });
    cloudFormation.on(DescribeStacksCommand, { StackName: name }).resolves(described);

    expect(await find()).toEqual({
      name,
      status: 'CREATE_COMPLETE',
      isProtected: false,
      changedAt: 0,
      parameters: { MemorySize: '3538' },
      outputs: { StreamUrl: 'https://x/' },
    });
  });

  it('returns undefined when the stack does not exist', async () => {
    cloudFormation.on(DescribeStacksCommand).rejects(noStack(name));

    expect(await find()).toBeUndefined();
  });

  it.each([
    ['AccessDenied', 403, 'denied'],
    ['Throttling', 400, 'throttled'],
    ['ExpiredToken', 403, 'expired-credentials'],
    ['ValidationError', 400, 'request-failed'],
  ])('throws after %s %i with the code %s', async (error, status, code) => {
    cloudFormation.on(DescribeStacksCommand).rejects(awsError(error, status));

    expect(await failureOf(find())).toMatchObject({ code });
  });
});

describe('the status of a stack', () => {
  it.each(['CREATE_COMPLETE', 'UPDATE_COMPLETE', 'UPDATE_ROLLBACK_COMPLETE', 'REVIEW_IN_PROGRESS'])(
    '%s allows an update',
    (status) => {
      expect(() => assertUpdatable(stackIn(status), 'destroy')).not.toThrow();
    },
  );

  it.each([
    ['ROLLBACK_COMPLETE', /delete it with 'destroy', then deploy again/],
    ['ROLLBACK_FAILED', /delete it with 'destroy', then deploy again/],
    ['DELETE_FAILED', /delete it with 'destroy', then deploy again/],
    ['UPDATE_ROLLBACK_FAILED', /continue-update-rollback/],
    ['UPDATE_IN_PROGRESS', /try again when it has ended/],
    ['DELETE_IN_PROGRESS', /try again when it has ended/],
  ])('%s prevents an update', (status, message) => {
    expect(() => assertUpdatable(stackIn(status), 'destroy')).toThrow(message);
  });

  it.each(['ROLLBACK_COMPLETE', 'DELETE_FAILED', 'REVIEW_IN_PROGRESS'])('%s allows a deletion', (status) => {
    expect(() => assertIdle(stackIn(status))).not.toThrow();
  });
});
