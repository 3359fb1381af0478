export function print(verdict: 'ok' | 'fix' | 'note', subject: string, finding: string): void;
