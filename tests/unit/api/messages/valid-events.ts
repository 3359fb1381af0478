// Checks the order of the events of a stream, and joins them to the message that they make.
import type { NamedEvent } from './ask.ts';

type Fields = Record<string, unknown>;

const deltaTypes: Readonly<Record<string, readonly string[]>> = {
  text: ['text_delta'],
  thinking: ['thinking_delta', 'signature_delta'],
  tool_use: ['input_json_delta'],
};

/** @throws when an event is not one that may follow those before it */
export function joinEvents(events: readonly NamedEvent[]): Fields {
  const [start, ping, ...rest] = events;
  const [delta, stop] = rest.slice(-2);
  assert(
    events.every(({ name, data }) => name === data.type),
    'an event has the name of its type',
  );
  assert(start?.name === 'message_start' && ping?.name === 'ping', 'the message starts first');
  assert(delta?.name === 'message_delta' && stop?.name === 'message_stop', 'the message stops last');
  const message = start?.data.message as Fields;
  assert((message.content as unknown[]).length === 0, 'the message starts without blocks');
  return {
    ...message,
    content: joinBlocks(rest.slice(0, -2)),
    ...(delta?.data.delta as Fields),
    usage: { ...(message.usage as Fields), ...(delta?.data.usage as Fields) },
  };
}

function joinBlocks(events: readonly NamedEvent[]): Fields[] {
  const blocks: Fields[] = [];
  let open: Fields | undefined;
  let json = '';
  for (const { name, data } of events) {
    if (name === 'content_block_start') {
      assert(open === undefined && data.index === blocks.length, `block ${data.index} starts in its turn`);
      open = { ...(data.content_block as Fields) };
      json = '';
    } else if (name === 'content_block_delta') {
      const { type, ...added } = data.delta as Fields & { type: string };
      assert(open !== undefined && data.index === blocks.length, `block ${data.index} is open`);
      assert(deltaTypes[String(open?.type)]?.includes(type) ?? false, `${type} belongs to its block`);
      for (const [key, text] of Object.entries(added)) {
        if (key === 'partial_json') json += String(text);
        else open = { ...open, [key]: `${open?.[key]}${text}` };
      }
    } else {
      assert(name === 'content_block_stop' && data.index === blocks.length, `${name} is no event of a block`);
      assert(open !== undefined, 'an open block stops');
      blocks.push({ ...open, ...(json !== '' && { input: parse(json) }) });
      open = undefined;
    }
  }
  assert(open === undefined, 'every block stops');
  return blocks;
}

/** A call that was cut has no whole JSON. */
function parse(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return {};
  }
}

function assert(holds: boolean, rule: string): void {
  if (!holds) throw new Error(`The events break a rule: ${rule}.`);
}
