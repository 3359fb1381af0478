// Lambda's price of a running execution environment.

/** US dollars per GB-second in us-east-1. https://aws.amazon.com/lambda/pricing/ */
const dollarsPerGigabyteSecond = { x86_64: 0.0000166667, arm64: 0.0000133334 } as const;

export type Architecture = keyof typeof dollarsPerGigabyteSecond;

/** Returns US dollars per second for an environment with this much memory. */
export function dollarsPerSecond(megabytes: number, architecture: Architecture): number {
  return (megabytes / 1024) * dollarsPerGigabyteSecond[architecture];
}
