// What went wrong with a batch, in one line for whoever called.

/** A failure whose message says all. */
export class BatchError extends Error {
  override readonly name = 'BatchError';
}

/** What AWS answers where credentials are missing, or may not do what they are used for. */
const refusals: ReadonlySet<string> = new Set([
  'AccessDenied',
  'AccessDeniedException',
  'CredentialsProviderError',
  'ExpiredToken',
  'ExpiredTokenException',
  'InvalidClientTokenId',
  'UnrecognizedClientException',
]);

/** One line: what happened, and what to do where that is known. */
export function toBatchFailure(error: unknown): string {
  if (!(error instanceof Error)) return `Unexpected failure: ${String(error)}`;
  const reason = error.message.split('\n')[0];
  if (error instanceof BatchError || error.name === 'ConfigurationError') return `${reason}`;
  if (refusals.has(error.name))
    return `AWS refused: ${error.name}: ${reason} Check your credentials, or set AWS_PROFILE.`;
  if (error.message === 'Region is missing') return 'No region is known: pass --region, or set AWS_REGION.';
  return `Unexpected failure: ${error.name}: ${reason}`;
}
