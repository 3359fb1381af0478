// Loads the reporter that the configuration asks for. Without Powertools, none of its modules is loaded.
import type { TelemetryConfig } from '../config/telemetry.ts';
import { consoleReporter, type Reporter, requestReporter } from './reporter.ts';

/** @param servesPort - whether requests come from a port. Powertools logs them by itself. */
export async function loadReporter(
  { powertools }: Pick<TelemetryConfig, 'powertools'>,
  { servesPort = false }: { servesPort?: boolean } = {},
): Promise<Reporter> {
  if (powertools === undefined) return servesPort ? requestReporter : consoleReporter;
  const { loadPowertools } = await import('./powertools/powertools-reporter.ts');
  return loadPowertools(powertools);
}
