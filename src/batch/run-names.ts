// A run of a batch is an execution of its state machine, and has the batch's name. Later runs have a number as well.

/** The name of a batch's run. A batch's own name has no dot, so it is never the name of another batch's run. */
export function toRunName(batch: string, number: number): string {
  return number === 1 ? batch : `${batch}.run-${number}`;
}

/** The batch of a run. */
export function toBatchName(run: string): string {
  return run.replace(/\.run-\d+$/, '');
}
