// Loads the metrics library after the start of a server, so that the first request does not wait for it.
import type { Metrics } from './metrics.ts';

/** This many events load the library. */
const keptEvents = 1_000;

/**
 * Keeps events until the metrics are loaded, and counts them then. The first read loads the metrics, and so
 * do many events. A load that failed is tried again.
 */
export function createLateMetrics(load: () => Promise<Required<Metrics>>): Required<Metrics> {
  let kept: ((metrics: Metrics) => void)[] = [];
  let loaded: Metrics | undefined;
  let loading: Promise<Required<Metrics>> | undefined;

  const loadNow = () => {
    loading ??= load().then(
      (metrics) => {
        for (const count of kept) count(metrics);
        kept = [];
        loaded = metrics;
        return metrics;
      },
      (error: unknown) => {
        loading = undefined;
        throw error;
      },
    );
    return loading;
  };
  // Events must not add up while loads fail. A read reports the failure.
  const forget = () => {
    kept = [];
  };
  const note = (count: (metrics: Metrics) => void) => {
    if (loaded !== undefined) {
      count(loaded);
      return;
    }
    kept.push(count);
    if (kept.length === keptEvents) loadNow().catch(forget);
  };

  return {
    generated: (summary) => note((metrics) => metrics.generated(summary)),
    answered: (path, status) => note((metrics) => metrics.answered(path, status)),
    broken: (path) => note((metrics) => metrics.broken(path)),
    expose: async () => (await loadNow()).expose(),
  };
}
