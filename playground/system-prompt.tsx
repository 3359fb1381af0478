// The system prompt: written, or taken from the prefixes that the build of the image has evaluated.
import { applyTemplate, type Prefix } from './api.ts';
import type { Conversation } from './conversations.ts';
import { findSystemPrompt, templateProbe } from './prefix-text.ts';

interface SystemPromptProps {
  readonly conversation: Conversation;
  readonly prefixes: readonly Prefix[];
  readonly apiKey: string;
  readonly onChange: (fields: Partial<Conversation>) => void;
  readonly onFailure: (error: unknown) => void;
}

export function SystemPrompt({ conversation, prefixes, apiKey, onChange, onFailure }: SystemPromptProps) {
  const choose = async (name: string) => {
    const prefix = prefixes.find((each) => each.name === name);
    if (prefix === undefined) return;
    try {
      const template = await applyTemplate(templateProbe, apiKey);
      onChange({ system: findSystemPrompt(prefix.text, template) });
    } catch (error) {
      onFailure(error);
    }
  };
  return (
    <div>
      <label>
        System prompt
        <textarea
          rows={4}
          value={conversation.system}
          onInput={({ currentTarget }) => onChange({ system: currentTarget.value })}
        />
      </label>
      {prefixes.length > 0 && (
        <label>
          From a baked prefix
          <select value="" onChange={({ currentTarget }) => void choose(currentTarget.value)}>
            <option value="">Choose…</option>
            {prefixes.map(({ name, tokens }) => (
              <option key={name} value={name}>
                {name} ({tokens} tokens)
              </option>
            ))}
          </select>
        </label>
      )}
    </div>
  );
}
