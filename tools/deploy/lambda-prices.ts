// What an environment costs on Lambda, by its size.

/** US dollars for a gigabyte and second in us-east-1. https://aws.amazon.com/lambda/pricing/ */
const dollarsPerGigabyteSecond = { x86_64: 0.0000166667, arm64: 0.0000133334 } as const;

export type Architecture = keyof typeof dollarsPerGigabyteSecond;

/** US dollars for an environment that works for a second. */
export function dollarsPerSecond(megabytes: number, architecture: Architecture): number {
  return (megabytes / 1024) * dollarsPerGigabyteSecond[architecture];
}
