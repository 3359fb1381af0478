import { describe, expect, it } from 'vitest';
import { conversationRoom } from '../../../src/startup/conversation-memory.ts';

const mebibyte = 2 ** 20;

describe('the memory of conversations', () => {
  it.each([
    ['half of what is left', 1024, { total: 300, keysAndValues: 90 }, 2, 285],
    ['half of what states of a long context leave', 1024, { total: 400, keysAndValues: 180 }, 1, 100],
    ['little where requests need most', 493, { total: 333, keysAndValues: 90 }, 2, 3],
    ['nothing where nothing is left', 400, { total: 398, keysAndValues: 90 }, 2, 0],
  ])('is %s', (_, room, { total, keysAndValues }, slots, expected) => {
    const use = { total: total * mebibyte, keysAndValues: keysAndValues * mebibyte };

    expect(conversationRoom({ bytes: room * mebibyte, use, slots })).toBe(expected * mebibyte);
  });
});
