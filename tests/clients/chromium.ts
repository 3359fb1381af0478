// A Chromium for tests that need a real browser: Debian's, or the one that Playwright has installed.
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chromium } from 'playwright-core';
import { reportSkip } from './report-skip.ts';

const debian = '/usr/bin/chromium';

/**
 * Returns Chromium's path. In CI it is installed where the user is root.
 *
 * @returns undefined where there is none and the tests are skipped
 */
export function findChromium(): string | undefined {
  const found = [debian, chromium.executablePath()].find((path) => existsSync(path));
  if (found !== undefined) return found;
  if (process.env.CI === 'true' && process.getuid?.() === 0) {
    const silently = { stdio: 'ignore' } as const;
    execFileSync('apt-get', ['update', '-qq'], silently);
    execFileSync('apt-get', ['install', '-y', '-qq', '--no-install-recommends', 'chromium'], silently);
    return debian;
  }
  reportSkip('The playground in a browser', 'There is no Chromium. Install it: apt-get install chromium');
  return undefined;
}
