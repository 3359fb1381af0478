// Reads from AWS Secrets Manager. In its own file, so that only functions with a secret load the SDK.
import { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';

/** Reads the text of a secret, or `undefined` if the secret is binary. */
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
