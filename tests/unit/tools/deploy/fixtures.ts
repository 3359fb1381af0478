// Fixtures of the deploy tests: AWS responses, credentials, and a recorded terminal.
import type { Stack } from '@aws-sdk/client-cloudformation';
import { onTestFinished, vi } from 'vitest';
import type { DeployEnvironment } from '../../../../tools/deploy/deploy-environment.ts';
import type { DeployError } from '../../../../tools/deploy/errors.ts';

export const region = 'eu-central-1';

/** The response of sts:GetCallerIdentity. */
export const caller = { Account: '111122223333', Arn: 'arn:aws:iam::111122223333:user/deployer' };

export const credentials = {
  accessKeyId: 'AKIAIOSFODNN7EXAMPLE',
  secretAccessKey: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY',
  sessionToken: 'token',
};

/** Sets these credentials for the SDK, and hides the machine's AWS configuration from it. */
export function stubCredentials(): void {
  vi.stubEnv('AWS_ACCESS_KEY_ID', credentials.accessKeyId);
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', credentials.secretAccessKey);
  vi.stubEnv('AWS_SESSION_TOKEN', credentials.sessionToken);
  vi.stubEnv('AWS_PROFILE', undefined);
  vi.stubEnv('AWS_CONFIG_FILE', '/dev/null');
  vi.stubEnv('AWS_SHARED_CREDENTIALS_FILE', '/dev/null');
  vi.stubEnv('AWS_EC2_METADATA_DISABLED', 'true');
  onTestFinished(() => void vi.unstubAllEnvs());
}

/** Creates an error as the SDK throws it. */
export function awsError(name: string, status = 400, message = `AWS says ${name}.`): Error {
  return Object.assign(new Error(message), { name, $metadata: { httpStatusCode: status } });
}

/** CloudFormation's error for a stack that does not exist. */
export function noStack(name: string): Error {
  return awsError('ValidationError', 400, `Stack with id ${name} does not exist`);
}

/** The response of DescribeStacks. */
export function stackOf(
  status: NonNullable<Stack['StackStatus']>,
  outputs: Readonly<Record<string, string>> = {},
  parameters: Readonly<Record<string, string>> = {},
) {
  return {
    Stacks: [
      {
        StackName: 'gguf-lambda-dev',
        CreationTime: new Date(0),
        StackStatus: status,
        Outputs: Object.entries(outputs).map(([OutputKey, OutputValue]) => ({ OutputKey, OutputValue })),
        Parameters: Object.entries(parameters).map(([ParameterKey, ParameterValue]) => ({
          ParameterKey,
          ParameterValue,
        })),
      },
    ],
  };
}

/** An environment whose delays return at once and whose questions are answered with yes. */
export function fakeDeployEnvironment(overrides: Partial<DeployEnvironment> = {}) {
  const lines: string[] = [];
  const delays: number[] = [];
  const deployEnvironment: DeployEnvironment = {
    env: { AWS_REGION: region },
    print: (line) => lines.push(line),
    isInteractive: true,
    confirm: async () => true,
    delay: async (milliseconds) => void delays.push(milliseconds),
    signal: new AbortController().signal,
    ...overrides,
  };
  return { deployEnvironment, lines, delays };
}

/** Returns the error that a promise rejects with; throws when the promise resolves. */
export async function failureOf(promise: Promise<unknown>): Promise<DeployError> {
  const failure = await promise.then(
    () => undefined,
    (error: unknown) => error,
  );
  if (failure instanceof Error) return failure as DeployError;
  throw new Error('expected a rejection, but the promise resolved');
}
