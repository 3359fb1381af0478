// Joins the chunks of a streamed chat to the choices of a whole answer.
import type {
  ChatChunk,
  ChatFinishReason,
  ChatToolCall,
  ChatChoice as Choice,
} from '../../../src/api/chat/chat-completion.ts';

export interface JoinedChoice extends Pick<Choice, 'index' | 'logprobs' | 'tokens'> {
  message: { content: string; reasoning_content?: string; tool_calls?: ChatToolCall[] };
  finish_reason: ChatFinishReason | null;
}

/** @throws when the chunks are not in the order that clients expect */
export function joinChunks(chunks: readonly ChatChunk[]): JoinedChoice[] {
  const joined = new Map<number, JoinedChoice>();
  for (const { choices } of chunks) {
    for (const { index, delta, finish_reason, logprobs, tokens } of choices) {
      if (delta.role !== undefined) {
        if (joined.has(index)) throw new Error(`The choice ${index} starts twice.`);
        joined.set(index, { index, message: { content: '' }, finish_reason: null, logprobs: null });
      }
      const choice = joined.get(index);
      if (choice === undefined) throw new Error(`The choice ${index} does not start with a role.`);
      if (choice.finish_reason !== null) throw new Error(`The choice ${index} continues after its end.`);
      joined.set(index, {
        ...choice,
        message: addDelta(choice.message, delta),
        finish_reason,
        logprobs:
          logprobs === null
            ? choice.logprobs
            : { ...logprobs, content: [...(choice.logprobs?.content ?? []), ...logprobs.content] },
        ...(tokens && { tokens: [...(choice.tokens ?? []), ...tokens] }),
      });
    }
  }
  return [...joined.values()];
}

function addDelta(
  message: JoinedChoice['message'],
  { content = '', reasoning_content, tool_calls = [] }: ChatChunk['choices'][number]['delta'],
): JoinedChoice['message'] {
  const calls = [...(message.tool_calls ?? [])];
  for (const { index, id, type, function: called } of tool_calls) {
    const open = calls[index];
    if (id !== undefined && type !== undefined && called.name !== undefined) {
      if (index !== calls.length) throw new Error(`The call ${index} starts after ${calls.length} calls.`);
      calls.push({ id, type, function: { name: called.name, arguments: called.arguments } });
    } else if (open !== undefined) {
      calls[index] = {
        ...open,
        function: { ...open.function, arguments: open.function.arguments + called.arguments },
      };
    } else throw new Error(`The call ${index} has not started.`);
  }
  const thoughts = reasoning_content && (message.reasoning_content ?? '') + reasoning_content;
  return {
    ...message,
    content: message.content + content,
    ...(thoughts && { reasoning_content: thoughts }),
    ...(calls.length > 0 && { tool_calls: calls }),
  };
}
