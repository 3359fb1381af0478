// Lambda freezes an environment as soon as an invocation has ended. Until then, what the engine keeps must be written.
import type { Context } from 'aws-lambda';
import { toTimeUp, untilAborted } from '../engine/deadline.ts';
import { toEndBy } from '../generation/context.ts';
import type { Service } from '../http/service.ts';

/**
 * Waits until what the engine keeps of ended generations is written, or until the invocation must end. Behind the front the
 * process goes on, and other invocations would wait.
 *
 * @param mostLateMs - as in the engine's `settled`
 */
export async function settle(
  { engine, isBehindFront = false }: Pick<Service, 'engine' | 'isBehindFront'>,
  context: Context,
  mostLateMs?: number,
): Promise<void> {
  if (isBehindFront) return;
  await untilAborted(engine.settled?.(mostLateMs), toTimeUp(toEndBy(context.getRemainingTimeInMillis())));
}
