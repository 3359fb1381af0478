// Reads a stack from CloudFormation, and checks that its state allows an operation.
import { type CloudFormationClient, DescribeStacksCommand } from '@aws-sdk/client-cloudformation';
import { DeployError, toDeployError } from './errors.ts';

/** The buckets that a parameter adds, with the output that has their name. */
export const optionalBuckets = [
  { parameter: 'CacheBucket', output: 'ConversationBucket', purpose: 'bucket of conversations' },
  { parameter: 'ResponsesBucket', output: 'ResponseBucket', purpose: 'bucket of responses' },
] as const;

export interface Stack {
  readonly name: string;
  readonly status: string;
  readonly isProtected: boolean;
  /** Time of the last update, or of the creation, in milliseconds since 1970. */
  readonly changedAt: number;
  readonly parameters: Readonly<Record<string, string>>;
  readonly outputs: Readonly<Record<string, string>>;
}

/**
 * Returns the stack, or undefined when it does not exist.
 *
 * @throws {DeployError} when the request fails
 */
export async function findStack(
  client: CloudFormationClient,
  name: string,
  abortSignal: AbortSignal,
): Promise<Stack | undefined> {
  try {
    const { Stacks } = await client.send(new DescribeStacksCommand({ StackName: name }), { abortSignal });
    const stack = Stacks?.[0];
    if (stack === undefined) return undefined;
    return {
      name,
      status: stack.StackStatus ?? '',
      isProtected: stack.EnableTerminationProtection ?? false,
      changedAt: (stack.LastUpdatedTime ?? stack.CreationTime)?.getTime() ?? 0,
      parameters: toRecord(
        stack.Parameters,
        ({ ParameterKey }) => ParameterKey,
        ({ ParameterValue }) => ParameterValue,
      ),
      outputs: toRecord(
        stack.Outputs,
        ({ OutputKey }) => OutputKey,
        ({ OutputValue }) => OutputValue,
      ),
    };
  } catch (error) {
    // CloudFormation reports a missing stack as a ValidationError, like other mistakes; only the text differs.
    if (error instanceof Error && /does not exist/.test(error.message)) return undefined;
    throw toDeployError(error, 'cloudformation:DescribeStacks');
  }
}

function toRecord<Entry>(
  entries: readonly Entry[] | undefined,
  key: (entry: Entry) => string | undefined,
  value: (entry: Entry) => string | undefined,
): Readonly<Record<string, string>> {
  return Object.fromEntries((entries ?? []).map((entry) => [key(entry) ?? '', value(entry) ?? '']));
}

/** True when the stack has a change set but was never created. */
export function isNotCreated({ status }: Stack): boolean {
  return status === 'REVIEW_IN_PROGRESS';
}

/**
 * Checks that no operation on the stack is in progress.
 *
 * @throws {DeployError} `unusable-stack`
 */
export function assertIdle(stack: Stack): void {
  if (!stack.status.endsWith('_IN_PROGRESS') || isNotCreated(stack)) return;
  throw new DeployError(
    'unusable-stack',
    `${stack.name} has an operation in progress (${stack.status}): try again when it has ended.`,
  );
}

/**
 * Checks that CloudFormation can update the stack.
 *
 * @throws {DeployError} `unusable-stack`
 */
export function assertUpdatable(stack: Stack, destroyCommand: string): void {
  assertIdle(stack);
  if (/^(?:ROLLBACK_(?:COMPLETE|FAILED)|DELETE_FAILED)$/.test(stack.status)) {
    throw new DeployError(
      'unusable-stack',
      `${stack.name} is ${stack.status}, and CloudFormation cannot update such a stack: delete it with '${destroyCommand}', then deploy again.`,
    );
  }
  if (stack.status !== 'UPDATE_ROLLBACK_FAILED') return;
  throw new DeployError(
    'unusable-stack',
    `${stack.name} could not be rolled back (${stack.status}): 'aws cloudformation continue-update-rollback --stack-name ${stack.name}' tries again.`,
  );
}
