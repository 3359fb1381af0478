// The conversations: choose, start, delete, export and import.
import { exportConversations, toTitle } from './conversations.ts';
import type { Conversations } from './use-conversations.ts';

interface SidebarProps {
  readonly conversations: Conversations;
  readonly fail: (message: string) => void;
}

export function Sidebar({ conversations, fail }: SidebarProps) {
  const { all, current, select, start, remove } = conversations;
  const importFile = async (input: HTMLInputElement) => {
    try {
      const [file] = input.files ?? [];
      if (file !== undefined) conversations.import(await file.text());
    } catch (error) {
      fail(error instanceof Error ? error.message : String(error));
    } finally {
      // The same file may be chosen again.
      input.value = '';
    }
  };
  return (
    <nav class="sidebar" aria-label="Conversations">
      <button type="button" class="primary" onClick={start}>
        New conversation
      </button>
      <ul>
        {all.map((each) => (
          <li key={each.id}>
            <button
              type="button"
              class="title"
              aria-current={each.id === current.id ? 'true' : undefined}
              onClick={() => select(each.id)}
            >
              {toTitle(each)}
            </button>
            <button type="button" aria-label={`Delete: ${toTitle(each)}`} onClick={() => remove(each.id)}>
              ×
            </button>
          </li>
        ))}
      </ul>
      <div class="buttons">
        <button type="button" onClick={() => save(exportConversations(all))}>
          Export
        </button>
        <label class="button">
          Import
          <input
            type="file"
            accept="application/json,.json"
            class="hidden"
            onChange={({ currentTarget }) => void importFile(currentTarget)}
          />
        </label>
      </div>
    </nav>
  );
}

function save(text: string): void {
  const url = URL.createObjectURL(new Blob([text], { type: 'application/json' }));
  const link = document.createElement('a');
  link.href = url;
  link.download = 'conversations.json';
  link.click();
  URL.revokeObjectURL(url);
}
