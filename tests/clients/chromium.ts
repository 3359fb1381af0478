// A Chromium for tests that need a real browser: Debian's, or the one that Playwright has installed.
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chromium } from 'playwright-core';

const debian = '/usr/bin/chromium';

/**
 * Returns Chromium's path. In CI it is installed where the user is root.
 *
 * @returns undefined where there is none; the tests are skipped then, and the line printed says so
 * @throws with REQUIRE_ALL_TIERS=true, where nothing may be skipped
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
  const message = 'There is no Chromium. Install it: apt-get install chromium';
  if (process.env.REQUIRE_ALL_TIERS === 'true') throw new Error(message);
  console.warn(`SKIPPED, NOT PASSED: the playground in a browser. ${message}`);
  return undefined;
}
