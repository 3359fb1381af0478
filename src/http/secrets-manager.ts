// AWS Secrets Manager. A file of its own, so that a bundler can keep the SDK apart for those who have no secret.
import { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';

/** The text of a secret; nothing where it is binary. */
export async function readSecret(
  arn: string,
  region: string,
  abortSignal: AbortSignal,
): Promise<string | undefined> {
  const client = new SecretsManagerClient({ region });
  try {
    const { SecretString } = await client.send(new GetSecretValueCommand({ SecretId: arn }), { abortSignal });
    return SecretString;
  } finally {
    client.destroy();
  }
}
