// The error class of deploy and destroy. Each failure has a literal code; its one-line message says what happened and
// what to do.
import { reasonOf } from '../store/errors.ts';

export type DeployErrorCode =
  | 'no-terminal'
  | 'declined'
  | 'unknown-parameter'
  | 'unusable-parameter'
  | 'no-region'
  | 'no-credentials'
  | 'expired-credentials'
  | 'unknown-credentials'
  | 'denied'
  | 'throttled'
  | 'request-failed'
  | 'no-container-engine'
  | 'wrong-architecture'
  | 'no-concurrency'
  | 'unusable-stack'
  | 'missing-tool'
  | 'sam-failed'
  | 'not-emptied'
  | 'unnamed-deletion'
  | 'bucket-left'
  | 'no-answer'
  | 'no-private-url'
  | 'cannot-listen';

/** A failure whose message is one line that a user can act on. */
export class DeployError extends Error {
  override readonly name = 'DeployError';
  readonly code: DeployErrorCode;

  constructor(code: DeployErrorCode, message: string, options?: ErrorOptions) {
    super(message.replace(/\s*\n\s*/g, ' '), options);
    this.code = code;
  }
}

/** AWS services name the same failure differently: https://docs.aws.amazon.com/IAM/latest/APIReference/CommonErrors.html */
const awsErrorNames: Readonly<Partial<Record<DeployErrorCode, readonly string[]>>> = {
  'no-credentials': ['CredentialsProviderError', 'TokenProviderError', 'MissingAuthenticationToken'],
  'expired-credentials': ['ExpiredToken', 'ExpiredTokenException', 'ExpiredCredentials', 'RequestExpired'],
  'unknown-credentials': [
    'InvalidClientTokenId',
    'InvalidAccessKeyId',
    'UnrecognizedClientException',
    'SignatureDoesNotMatch',
    'InvalidSignatureException',
    'IncompleteSignature',
    'AuthFailure',
  ],
  denied: ['AccessDenied', 'AccessDeniedException', 'UnauthorizedOperation', 'NotAuthorized'],
  throttled: [
    'Throttling',
    'ThrottlingException',
    'ThrottledException',
    'TooManyRequestsException',
    'RequestLimitExceeded',
    'RequestThrottled',
    'SlowDown',
  ],
};

function codeOf(error: Error): DeployErrorCode {
  // The SDK reports an expired SSO session as missing credentials.
  const isExpiredSession =
    awsErrorNames['no-credentials']?.includes(error.name) && /expired/i.test(error.message);
  if (isExpiredSession) return 'expired-credentials';
  const found = Object.entries(awsErrorNames).find(([, all]) => all.includes(error.name));
  if (found !== undefined) return found[0] as DeployErrorCode;
  const { httpStatusCode } = (error as { $metadata?: { httpStatusCode?: number } }).$metadata ?? {};
  if (httpStatusCode === 403) return 'denied';
  return httpStatusCode === 429 ? 'throttled' : 'request-failed';
}

/**
 * Converts a failed AWS request into an error that advises what to do. `action` is the IAM action of the request, such
 * as `sts:GetCallerIdentity`.
 */
export function toDeployError(error: unknown, action: string): DeployError {
  if (error instanceof DeployError) return error;
  const code = error instanceof Error ? codeOf(error) : 'request-failed';
  return new DeployError(code, describe(code, action, reasonOf(error).replace(/\.$/, '')), { cause: error });
}

function describe(code: DeployErrorCode, action: string, reason: string): string {
  switch (code) {
    case 'no-credentials':
      return `There are no AWS credentials: log in with 'aws login' or 'aws sso login', or set AWS_PROFILE to a profile with credentials (${reason}).`;
    case 'expired-credentials':
      return `The AWS credentials have expired: log in again with 'aws login' or 'aws sso login', or get new ones (${reason}).`;
    case 'unknown-credentials':
      return `AWS rejects these credentials: check the access key, AWS_PROFILE, this machine's clock, and that the account has the region enabled (${reason}).`;
    case 'denied':
      return `These credentials lack the permission ${action}: ask the account's administrator for it, or set AWS_PROFILE to a profile that has it (${reason}).`;
    case 'throttled':
      return `AWS throttles the requests of this account (${action}: ${reason}): try again in a minute.`;
    default:
      return `${action} failed: ${reason}.`;
  }
}
