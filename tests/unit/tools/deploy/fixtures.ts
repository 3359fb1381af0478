// What most tests of deploying have around them: AWS's answers, credentials, and a terminal that is written down.
import type { Stack } from '@aws-sdk/client-cloudformation';
import { onTestFinished, vi } from 'vitest';
import type { Surroundings } from '../../../../tools/deploy/deploy-environment.ts';
import type { DeployError } from '../../../../tools/deploy/errors.ts';

export const region = 'eu-central-1';

/** The caller, as STS tells it. */
export const caller = { Account: '111122223333', Arn: 'arn:aws:iam::111122223333:user/deployer' };

export const credentials = {
  accessKeyId: 'AKIAIOSFODNN7EXAMPLE',
  secretAccessKey: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY',
  sessionToken: 'token',
};

/** Gives the SDK these credentials and nothing of the machine's. */
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

/** An error as AWS's services answer with. */
export function awsError(name: string, status = 400, message = `AWS says ${name}.`): Error {
  return Object.assign(new Error(message), { name, $metadata: { httpStatusCode: status } });
}

/** What CloudFormation says about a stack that is not there. */
export function noStack(name: string): Error {
  return awsError('ValidationError', 400, `Stack with id ${name} does not exist`);
}

/** A stack as CloudFormation tells it. */
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

/** Surroundings without time, on a terminal where all is answered by yes. */
export function surroundings(overrides: Partial<Surroundings> = {}) {
  const lines: string[] = [];
  const delays: number[] = [];
  const around: Surroundings = {
    env: { AWS_REGION: region },
    say: (line) => lines.push(line),
    isInteractive: true,
    ask: async () => true,
    delay: async (milliseconds) => void delays.push(milliseconds),
    signal: new AbortController().signal,
    ...overrides,
  };
  return { around, lines, delays };
}

/** The failure that a promise ends in; one that succeeds fails the test. */
export async function failureOf(promise: Promise<unknown>): Promise<DeployError> {
  const failure = await promise.then(
    () => undefined,
    (error: unknown) => error,
  );
  if (failure instanceof Error) return failure as DeployError;
  throw new Error('It succeeded.');
}
