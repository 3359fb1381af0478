// Where a person writes, sends and stops.
import { useState } from 'preact/hooks';
import type { Mode } from './conversations.ts';

interface ComposerProps {
  readonly mode: Mode;
  readonly isBusy: boolean;
  readonly isReady: boolean;
  readonly onMode: (mode: Mode) => void;
  readonly onSend: (text: string) => void;
  readonly onStop: () => void;
}

export function Composer({ mode, isBusy, isReady, onMode, onSend, onStop }: ComposerProps) {
  const [text, setText] = useState('');
  const canSend = isReady && !isBusy && text.trim() !== '';
  const send = () => {
    if (!canSend) return;
    onSend(text);
    // A prompt is often changed and sent again.
    if (mode === 'chat') setText('');
  };
  return (
    <form
      class="composer"
      onSubmit={(event) => {
        event.preventDefault();
        send();
      }}
    >
      <fieldset class="mode">
        <legend class="hidden">Kind of request</legend>
        {(['chat', 'completion'] as const).map((each) => (
          <label key={each}>
            <input
              type="radio"
              name="mode"
              checked={mode === each}
              disabled={isBusy}
              onChange={() => onMode(each)}
            />
            {each === 'chat' ? 'Chat' : 'Completion'}
          </label>
        ))}
      </fieldset>
      <label class="hidden" for="message">
        {mode === 'chat' ? 'Message' : 'Prompt'}
      </label>
      <textarea
        id="message"
        rows={3}
        value={text}
        placeholder={
          mode === 'chat' ? 'Message (Enter sends, Shift+Enter is a new line)' : 'Text to go on from'
        }
        onInput={(event) => setText(event.currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key === 'Escape' && isBusy) onStop();
          // An input method takes Enter to finish a word.
          if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
          event.preventDefault();
          send();
        }}
      />
      <div class="buttons">
        <button type="submit" class="primary" disabled={!canSend}>
          Send
        </button>
        <button type="button" disabled={!isBusy} onClick={onStop}>
          Stop
        </button>
      </div>
    </form>
  );
}
