// The steps of the set-up on standard error: one line each, with its time. On a terminal the line counts while the step runs.
const secondsUntilReminder = 30;
const isTerminal = process.stderr.isTTY === true;

/** Writes a line. */
export function say(text) {
  process.stderr.write(`setup: ${text}\n`);
}

/**
 * Shows a step while it runs, and its time when it is done.
 *
 * @param title - such as `installing packages`
 * @param detail - tells how far it is, such as `310 of 492`; empty while that is not known
 */
export async function showStep(title, step, detail = () => '') {
  const startedAt = performance.now();
  const describe = () => [title, detail()].filter((part) => part !== '').join(': ');
  const elapsed = () => formatSeconds((performance.now() - startedAt) / 1000);
  if (!isTerminal) say(title);
  const timer = isTerminal
    ? setInterval(() => process.stderr.write(`\r\x1b[Ksetup: ${describe()} (${elapsed()})`), 500)
    : setInterval(() => say(`${describe()} (${elapsed()})`), secondsUntilReminder * 1000);
  try {
    const result = await step();
    if (isTerminal) process.stderr.write('\r\x1b[K');
    say(`${title}: done in ${elapsed()}`);
    return result;
  } catch (error) {
    if (isTerminal) process.stderr.write('\r\x1b[K');
    throw error;
  } finally {
    clearInterval(timer);
  }
}

/** Such as `4.2 s` or `1 min 52 s`. */
function formatSeconds(seconds) {
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  return whole < 60 ? `${whole} s` : `${Math.floor(whole / 60)} min ${whole % 60} s`;
}
