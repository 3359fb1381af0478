// Metrics whose library is loaded after the start of a server, and not while the first request waits.
import type { Metrics } from './metrics.ts';

/** More events than these are not kept: the library is loaded for them. */
const keptEvents = 1_000;

/**
 * Keeps what happens until the metrics are loaded, and counts it then. They are loaded when somebody first reads them, or
 * when many events are kept.
 */
export function createLateMetrics(load: () => Promise<Required<Metrics>>): Required<Metrics> {
  let kept: ((metrics: Metrics) => void)[] = [];
  let loaded: Metrics | undefined;
  let loading: Promise<Required<Metrics>> | undefined;

  const loadNow = () => {
    loading ??= load().then((metrics) => {
      for (const count of kept) count(metrics);
      kept = [];
      loaded = metrics;
      return metrics;
    });
    return loading;
  };
  const note = (count: (metrics: Metrics) => void) => {
    if (loaded !== undefined) {
      count(loaded);
      return;
    }
    kept.push(count);
    if (kept.length === keptEvents) void loadNow();
  };

  return {
    generated: (summary) => note((metrics) => metrics.generated(summary)),
    answered: (path, status) => note((metrics) => metrics.answered(path, status)),
    broken: (path) => note((metrics) => metrics.broken(path)),
    expose: async () => (await loadNow()).expose(),
  };
}
