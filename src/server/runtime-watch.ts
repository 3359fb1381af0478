// Ends a runtime that hangs, so that another one takes its place: it was stopped, or its JavaScript never returns.
import { killProcess } from './process-session.ts';
import type { Runtime, RuntimeLink } from './runtime-link.ts';

const pauseMs = 1000;

/** The pauses without a sign of life, about half a minute. They are counted, because a machine that sleeps stops the front too. */
const longestSilence = 30;

/**
 * Asks the runtime for a sign of life each second in which something is asked of it.
 *
 * @returns ends the watch
 */
export function watchRuntime(
  link: Pick<RuntimeLink, 'runtime'>,
  isAsked: () => boolean,
  kill: (runtime: Runtime) => void = ({ pid }) => killProcess(pid),
): () => void {
  let asked: Runtime | undefined;
  let silence = 0;
  const look = () => {
    const { runtime } = link;
    if (runtime === undefined) return;
    if (runtime === asked) {
      silence += 1;
      if (silence !== longestSilence) return;
      console.error(`gguf-lambda: the runtime has not reacted for ${longestSilence} s, so it is ended.`);
      kill(runtime);
    } else if (isAsked()) {
      asked = runtime;
      silence = 0;
      void runtime.ping().then(() => {
        if (asked === runtime) asked = undefined;
      });
    }
  };
  const timer = setInterval(look, pauseMs).unref();
  return () => clearInterval(timer);
}
