// How much memory conversations may take that have lost their slot, beside the model and the requests.
import type { MemoryUse } from '../engine/memory.ts';

/** What bodies and answers take in the heaps of all processes while the largest ones come, as measured. */
const requestBytes = 64 * 1024 * 1024;

/** A state is read while another one is kept or restored. */
const statesOnTheirWay = 2;

export interface ConversationRoom {
  /** All that the process may take, in bytes. */
  readonly bytes: number;
  readonly use: Pick<MemoryUse, 'keysAndValues' | 'total'>;
  readonly slots: number;
}

/**
 * Returns half of what the model, requests and states on their way leave, in bytes. The other half is for what the heaps keep of
 * past requests.
 */
export function conversationRoom({ bytes, use, slots }: ConversationRoom): number {
  const moving = (statesOnTheirWay * use.keysAndValues) / slots;
  return Math.max(0, Math.floor((bytes - use.total - requestBytes - moving) / 2));
}
