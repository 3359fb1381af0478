// Names of executions. The first run has the name of its batch; later runs append their number.

/** Returns the execution name of a run. Batch ids contain no dot, so no batch id equals the name of a later run. */
export function toRunName(batch: string, number: number): string {
  return number === 1 ? batch : `${batch}.run-${number}`;
}

/** Returns the batch that a run belongs to. */
export function toBatchName(run: string): string {
  return run.replace(/\.run-\d+$/, '');
}
