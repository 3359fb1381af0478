// The supervisor against a fake emulator whose start is held at a gate.
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { isLiving, listSession } from '../../../src/server/process-session.ts';
import { RuntimeLink } from '../../../src/server/runtime-link.ts';
import { Supervisor } from '../../../src/server/supervisor.ts';
import { type Gate, openGate } from './gate.ts';
import { until } from './until.ts';

let gate: Gate;
let link: RuntimeLink;

beforeEach(async () => {
  gate = await openGate();
  link = await RuntimeLink.open();
});

afterEach(async () => {
  link.remove();
  await gate.close();
});

/** Starts an emulator that waits at the gate before it has loaded the function. */
function start(): Supervisor {
  return new Supervisor(
    {
      path: join(import.meta.dirname, 'fake-emulator.mjs'),
      bootstrap: ['wait-for', gate.url],
      functionTimeoutSeconds: 60,
      threads: { count: 1, adapts: false },
      functionMegabytes: 3008,
    },
    link,
  );
}

/** The living emulators that this process started. */
function listEmulators(): number[] {
  const numbers = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return numbers
    .map(Number)
    .filter((pid) => listSession(pid).some((member) => member.pid === pid && member.parent === process.pid));
}

describe('a start that is overtaken, because a runtime before it is found lost late', () => {
  let supervisor: Supervisor;
  let overtaken: number;

  beforeEach(async () => {
    vi.spyOn(console, 'error').mockReturnValue();
    supervisor = start();
    await until(() => supervisor.emulatorPid !== undefined);
    overtaken = supervisor.emulatorPid ?? 0;
    link.onLoss();
  });

  afterEach(() => vi.restoreAllMocks());

  it('leaves one emulator, not two', async () => {
    (await gate.next()).letOn();
    await supervisor.ready();

    expect(listEmulators()).toEqual([supervisor.emulatorPid]);
    expect(isLiving(overtaken)).toBe(false);
    await supervisor.stop();
  });

  it('leaves no emulator after a stop', async () => {
    await gate.next();
    await supervisor.stop();

    expect(listEmulators()).toEqual([]);
  });
});

describe('a stop', () => {
  it('ends an emulator that is just starting', async () => {
    const supervisor = start();
    await supervisor.emulatorStarts;
    await supervisor.stop();

    expect(listEmulators()).toEqual([]);
  });
});
