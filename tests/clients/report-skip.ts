// What tests do without a program that they need.

/**
 * Prints that tests are skipped, because of the message.
 *
 * @throws with REQUIRE_ALL_TIERS=true, where nothing may be skipped
 */
export function reportSkip(tests: string, message: string): void {
  if (process.env.REQUIRE_ALL_TIERS === 'true') throw new Error(`${tests} cannot be tested. ${message}`);
  console.warn(`SKIPPED, NOT PASSED: ${tests}. ${message}`);
}
