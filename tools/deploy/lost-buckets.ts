// Buckets that a deployment takes from its stack, because a parameter is no longer `true`. CloudFormation deletes them if they
// are empty. Otherwise it leaves them behind, and the stack does not know them any more.
import { reasonOf } from '../store/errors.ts';
import { countContents, deleteBucket, describeContents } from './bucket.ts';
import type { Clients } from './clients.ts';
import type { DeployEnvironment } from './deploy-environment.ts';
import { DeployError } from './errors.ts';
import { optionalBuckets, type Stack } from './stack.ts';
import type { ParameterValues } from './template-parameters.ts';

export type LostBucket = (typeof optionalBuckets)[number] & { readonly name: string };

export function findLostBuckets(before: Stack | undefined, wanted: ParameterValues): LostBucket[] {
  return optionalBuckets.flatMap((bucket) => {
    const name = before?.outputs[bucket.output];
    return name && wanted[bucket.parameter] !== 'true' ? { ...bucket, name } : [];
  });
}

interface Confirmation {
  /** Whether nothing is asked. */
  readonly yes: boolean;
  /** The parameters of the command line. */
  readonly named: ParameterValues;
}

/**
 * Confirms that each bucket is deleted with all that is in it: by a question, or with `yes` by its parameter on the command line.
 *
 * @throws {DeployError} `declined` or `unnamed-deletion`
 */
export async function confirmLosses(
  lost: readonly LostBucket[],
  { yes, named }: Confirmation,
  { s3, caller }: Clients,
  { print, confirm, signal }: DeployEnvironment,
): Promise<void> {
  for (const { parameter, purpose, name } of lost) {
    const contents = await countContents({ client: s3, name, account: caller.account, abortSignal: signal });
    const loss = `This deletes the ${purpose} ${name} with ${describeContents(contents)}`;
    const keeping = `--parameter ${parameter}=true keeps it`;
    if (yes && named[parameter] === undefined) {
      throw new DeployError(
        'unnamed-deletion',
        `${loss}, and --yes alone does not confirm that: ${keeping}, --parameter ${parameter}=false deletes it.`,
      );
    }
    print(`${loss}, because ${parameter} is no longer true; ${keeping}.`);
    if (!yes && !(await confirm(`Delete ${name} with all that is in it?`))) {
      throw new DeployError('declined', `Nothing was deployed or deleted. ${keeping}.`);
    }
  }
}

/** Deletes the buckets that the stack no longer has. Returns the failures, which say how to remove what is left. */
export async function deleteLostBuckets(
  lost: readonly LostBucket[],
  after: Stack,
  { s3, caller, region }: Clients,
  { print, signal }: DeployEnvironment,
): Promise<DeployError[]> {
  const failures: DeployError[] = [];
  for (const { output, purpose, name } of lost) {
    // The changes were declined.
    if (after.outputs[output] === name) continue;
    print(`Deleting the ${purpose} ${name}, which the stack no longer has.`);
    try {
      await deleteBucket({ client: s3, name, account: caller.account, abortSignal: signal });
    } catch (cause) {
      const reason = reasonOf(cause).replace(/\.$/, '');
      const message = `The ${purpose} ${name} is left, and the next deployment does not know it: remove it with 'aws s3 rb s3://${name} --force --region ${region}' (${reason}).`;
      failures.push(new DeployError('bucket-left', message, { cause }));
    }
  }
  return failures;
}
