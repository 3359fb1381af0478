// Loads the reporter that the configuration asks for. Without Powertools, none of its modules is loaded.
import type { TelemetryConfig } from '../config/config.ts';
import { consoleReporter, type Reporter } from './reporter.ts';

export async function loadReporter({ powertools }: Pick<TelemetryConfig, 'powertools'>): Promise<Reporter> {
  if (powertools === undefined) return consoleReporter;
  const { loadPowertools } = await import('./powertools/powertools-reporter.ts');
  return loadPowertools(powertools);
}
