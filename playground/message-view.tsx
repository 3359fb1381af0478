// One message of a conversation: its text, its thoughts, its calls and what the browser has checked.
import { useState } from 'preact/hooks';
import type { ScoredToken, ToolCall } from './answer.ts';
import { type Check, checkCall, checkJson } from './answer-check.ts';
import type { Conversation, Message } from './conversations.ts';
import { Markdown } from './markdown.tsx';
import { TokenView } from './token-view.tsx';

interface MessageViewProps {
  readonly message: Message;
  readonly tokens: readonly ScoredToken[];
  readonly conversation: Conversation;
  readonly isGrowing?: boolean;
  /** Takes the results of this message's calls. Absent where they can no longer be given. */
  readonly onResults?: ((results: readonly Message[]) => void) | undefined;
}

const authors = { user: 'You', assistant: 'Model', tool: 'Tool' };

export function MessageView({
  message,
  tokens,
  conversation,
  isGrowing = false,
  onResults,
}: MessageViewProps) {
  const { role, content, reasoning, toolCalls = [] } = message;
  const { mode, schema, tools } = conversation;
  const isChecked = role === 'assistant' && !isGrowing;
  return (
    <article class={`message ${role}`} aria-busy={isGrowing}>
      <h2>{authors[role]}</h2>
      {reasoning !== undefined && (
        <details open={isGrowing}>
          <summary>Thoughts</summary>
          <p class="plain">{reasoning}</p>
        </details>
      )}
      {role === 'assistant' && mode === 'chat' && schema === '' ? (
        <Markdown text={content} />
      ) : (
        <p class="plain">{content}</p>
      )}
      {isChecked && schema !== '' && toolCalls.length === 0 && (
        <CheckLine check={attempt(() => checkJson(content, schema))} />
      )}
      {toolCalls.map(({ id, name, arguments: args }) => (
        <div class="call" key={id}>
          <code>
            {name}({args})
          </code>
          {isChecked && tools !== '' && <CheckLine check={attempt(() => checkCall(name, args, tools))} />}
        </div>
      ))}
      {toolCalls.length > 0 && onResults !== undefined && (
        <ResultForm calls={toolCalls} onResults={onResults} />
      )}
      {tokens.length > 0 && (
        <details>
          <summary>Tokens and their probabilities</summary>
          <TokenView tokens={tokens} />
        </details>
      )}
    </article>
  );
}

function CheckLine({ check: { ok, message } }: { readonly check: Check }) {
  return <p class={ok ? 'check' : 'check bad'}>{`${ok ? '✓' : '✗'} ${message}`}</p>;
}

/** The schema may have been changed since, to something that is none. */
function attempt(check: () => Check): Check {
  try {
    return check();
  } catch (error) {
    return { ok: false, message: `Not checked: ${error instanceof Error ? error.message : String(error)}` };
  }
}

interface ResultFormProps {
  readonly calls: readonly ToolCall[];
  readonly onResults: (results: readonly Message[]) => void;
}

function ResultForm({ calls, onResults }: ResultFormProps) {
  const [results, setResults] = useState<Readonly<Record<string, string>>>({});
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        onResults(calls.map(({ id }) => ({ role: 'tool', content: results[id] ?? '', toolCallId: id })));
      }}
    >
      {calls.map(({ id, name }) => (
        <label key={id}>
          Result of {name}
          <textarea
            rows={2}
            value={results[id] ?? ''}
            onInput={({ currentTarget: { value } }) => setResults({ ...results, [id]: value })}
          />
        </label>
      ))}
      <button type="submit">Send the results</button>
    </form>
  );
}
