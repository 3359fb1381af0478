// The one error of deploying and destroying. Each failure is a literal code; the message is one line that says what
// happened and what to do about it.
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
  | 'no-answer';

/** A failure that its message tells whole, in one line. */
export class DeployError extends Error {
  override readonly name = 'DeployError';
  readonly code: DeployErrorCode;

  constructor(code: DeployErrorCode, message: string, options?: ErrorOptions) {
    super(message.replace(/\s*\n\s*/g, ' '), options);
    this.code = code;
  }
}

/** What AWS's services call the same failure: https://docs.aws.amazon.com/IAM/latest/APIReference/CommonErrors.html */
const names: Readonly<Partial<Record<DeployErrorCode, readonly string[]>>> = {
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
  // A session of AWS's access portal that has ended comes as missing credentials.
  const isExpiredSession = names['no-credentials']?.includes(error.name) && /expired/i.test(error.message);
  if (isExpiredSession) return 'expired-credentials';
  const found = Object.entries(names).find(([, all]) => all.includes(error.name));
  if (found !== undefined) return found[0] as DeployErrorCode;
  const { httpStatusCode } = (error as { $metadata?: { httpStatusCode?: number } }).$metadata ?? {};
  if (httpStatusCode === 403) return 'denied';
  return httpStatusCode === 429 ? 'throttled' : 'request-failed';
}

/**
 * Turns the failure of a request to AWS into a line with what to do. `action` is the permission that the request
 * takes, such as `sts:GetCallerIdentity`.
 */
export function toDeployError(error: unknown, action: string): DeployError {
  if (error instanceof DeployError) return error;
  const code = error instanceof Error ? codeOf(error) : 'request-failed';
  return new DeployError(code, describe(code, action, reasonOf(error).replace(/\.$/, '')), { cause: error });
}

function describe(code: DeployErrorCode, action: string, reason: string): string {
  switch (code) {
    case 'no-credentials':
      return `There are no AWS credentials: log in with 'aws login' or 'aws sso login', or set AWS_PROFILE to a profile that has some (${reason}).`;
    case 'expired-credentials':
      return `The AWS credentials have expired: log in again with 'aws login' or 'aws sso login', or get new ones (${reason}).`;
    case 'unknown-credentials':
      return `AWS does not take these credentials: check the access key, AWS_PROFILE, this machine's clock, and that the account has the region enabled (${reason}).`;
    case 'denied':
      return `These credentials may not ${action}: ask whoever manages the account for it, or set AWS_PROFILE to a profile that may (${reason}).`;
    case 'throttled':
      return `AWS gets too many requests from this account (${action}: ${reason}): try again in a minute.`;
    default:
      return `${action} failed: ${reason}.`;
  }
}
