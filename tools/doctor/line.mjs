// The lines of `npm run doctor`.

/** @param {'ok' | 'fix' | 'note'} verdict - `fix` is what keeps something from working, `note` what only some commands need */
export function print(verdict, subject, finding) {
  process.stdout.write(`${verdict.padEnd(4)}  ${subject.padEnd(16)}  ${finding}\n`);
}
