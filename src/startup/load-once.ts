// A load that happens once in a process, whoever asks for it first.
import type { Environment } from '../config/environment.ts';

/**
 * Wraps a load. The first call begins it, and later calls return the same promise. After a failure the next call begins
 * again.
 */
export function loadOnce<Loaded>(load: (env: Environment) => Promise<Loaded>) {
  let loading: Promise<Loaded> | undefined;
  return (env: Environment): Promise<Loaded> => {
    if (loading === undefined) {
      loading = load(env);
      loading.catch(() => {
        loading = undefined;
      });
    }
    return loading;
  };
}
