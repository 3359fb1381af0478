// The conversations of this browser, as a state of the page that its storage follows.
import { useEffect, useState } from 'preact/hooks';
import {
  type Conversation,
  createConversation,
  exportConversations,
  importConversations,
  mergeConversations,
} from './conversations.ts';

const storageKey = 'gguf-lambda.conversations';

export interface Conversations {
  readonly all: readonly Conversation[];
  readonly current: Conversation;
  select(id: string): void;
  /** Changes one conversation, the current one unless another is named. */
  change(fields: Partial<Conversation>, id?: string): void;
  start(): void;
  remove(id: string): void;
  /** @throws {Error} when the text is no export of this page */
  import(text: string): void;
}

/** `fail` is told that the browser keeps no more. */
export function useConversations(fail: (message: string) => void): Conversations {
  const [all, setAll] = useState(readStored);
  const [currentId, setCurrentId] = useState(all[0]?.id);
  const current = all.find(({ id }) => id === currentId) ?? all[0] ?? createConversation(crypto.randomUUID());
  useEffect(() => {
    try {
      localStorage.setItem(
        storageKey,
        exportConversations(all.filter(({ messages }) => messages.length > 0)),
      );
    } catch {
      fail('The browser has no room for more conversations. Export them, then delete some.');
    }
  }, [all]);
  return {
    all,
    current,
    select: setCurrentId,
    change: (fields, id = current.id) =>
      setAll((before) => before.map((each) => (each.id === id ? { ...each, ...fields } : each))),
    start: () => {
      const added = createConversation(crypto.randomUUID(), current);
      // One without messages is as good as a new one.
      setAll((before) => [added, ...before.filter(({ messages }) => messages.length > 0)]);
      setCurrentId(added.id);
    },
    remove: (id) =>
      setAll((before) => {
        const others = before.filter((each) => each.id !== id);
        return others.length > 0 ? others : [createConversation(crypto.randomUUID())];
      }),
    import: (text) => {
      const imported = importConversations(text);
      setAll((before) => mergeConversations(before, imported));
      setCurrentId(imported[0]?.id);
    },
  };
}

function readStored(): readonly Conversation[] {
  const fresh = createConversation(crypto.randomUUID());
  try {
    return [fresh, ...importConversations(localStorage.getItem(storageKey) ?? '')];
  } catch {
    return [fresh];
  }
}
