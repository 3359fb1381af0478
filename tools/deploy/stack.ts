// What CloudFormation knows about a stack.
import { type CloudFormationClient, DescribeStacksCommand } from '@aws-sdk/client-cloudformation';
import { DeployError, toDeployError } from './errors.ts';

export interface Stack {
  readonly name: string;
  readonly status: string;
  readonly isProtected: boolean;
  /** When it was changed last, or made; in milliseconds since 1970. */
  readonly changedAt: number;
  readonly parameters: Readonly<Record<string, string>>;
  readonly outputs: Readonly<Record<string, string>>;
}

/** The stack of a name; nothing where there is none. */
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
    // It has no name of its own for it.
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

/** Whether all that there is of the stack is a change that nobody has carried out. */
export function isOnlyPrepared({ status }: Stack): boolean {
  return status === 'REVIEW_IN_PROGRESS';
}

/**
 * Checks that CloudFormation will take a change of the stack, or its deletion.
 *
 * @throws {DeployError} `unusable-stack`
 */
export function assertIdle(stack: Stack): void {
  if (!stack.status.endsWith('_IN_PROGRESS') || isOnlyPrepared(stack)) return;
  throw new DeployError(
    'unusable-stack',
    `${stack.name} is being changed (${stack.status}): try again when that has ended.`,
  );
}

/**
 * Checks that the stack can be deployed to.
 *
 * @throws {DeployError} `unusable-stack`
 */
export function assertUpdatable(stack: Stack, destroyCommand: string): void {
  assertIdle(stack);
  if (/^(?:ROLLBACK_(?:COMPLETE|FAILED)|DELETE_FAILED)$/.test(stack.status)) {
    throw new DeployError(
      'unusable-stack',
      `${stack.name} was never made whole (${stack.status}), and CloudFormation changes no such stack: delete it with '${destroyCommand}', and deploy again.`,
    );
  }
  if (stack.status !== 'UPDATE_ROLLBACK_FAILED') return;
  throw new DeployError(
    'unusable-stack',
    `${stack.name} could not go back to what it was (${stack.status}): 'aws cloudformation continue-update-rollback --stack-name ${stack.name}' tries again.`,
  );
}
