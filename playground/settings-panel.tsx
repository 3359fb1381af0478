// The settings of a conversation: system prompt, sampling, schema, tools and probabilities.
import type { Server } from './api.ts';
import type { Conversation } from './conversations.ts';
import { listSettings, parseSetting, type Setting, withSetting } from './settings.ts';
import { SystemPrompt } from './system-prompt.tsx';

interface SettingsProps {
  readonly conversation: Conversation;
  readonly server: Server | undefined;
  readonly apiKey: string;
  readonly alternatives: number;
  readonly onAlternatives: (count: number) => void;
  readonly onChange: (fields: Partial<Conversation>) => void;
  readonly onFailure: (error: unknown) => void;
}

const samplerDocs =
  'https://github.com/ggml-org/llama.cpp/blob/master/tools/completion/README.md#generation-flags';
const exampleSchema = `{
  "type": "object",
  "properties": { "city": { "type": "string" }, "population": { "type": "integer" } },
  "required": ["city", "population"]
}`;
const exampleTools = `[{
  "type": "function",
  "function": {
    "name": "get_weather",
    "description": "Returns the weather of a city.",
    "parameters": { "type": "object", "properties": { "city": { "type": "string" } }, "required": ["city"] }
  }
}]`;

export function Settings(props: SettingsProps) {
  const { conversation, server, alternatives, onAlternatives, onChange } = props;
  const { mode, settings, schema, tools } = conversation;
  const path = mode === 'chat' ? '/v1/chat/completions' : '/v1/completions';
  const groups = server === undefined ? [] : listSettings(server.openApi, path);
  return (
    <aside class="settings" aria-label="Settings">
      {mode === 'chat' && <SystemPrompt {...props} prefixes={server?.props.prefixes ?? []} />}
      <details>
        <summary>JSON schema{schema !== '' && ' (on)'}</summary>
        <JsonField
          label="The answer is JSON of this schema"
          value={schema}
          example={exampleSchema}
          onChange={(text) => onChange({ schema: text })}
        />
      </details>
      {mode === 'chat' && (
        <details>
          <summary>Tools{tools !== '' && ' (on)'}</summary>
          <JsonField
            label="Functions that the model may call"
            value={tools}
            example={exampleTools}
            onChange={(text) => onChange({ tools: text })}
          />
        </details>
      )}
      <details>
        <summary>Probabilities{alternatives > 0 && ' (on)'}</summary>
        <div class="field">
          <label for="alternatives">Alternatives to each token</label>
          <input
            id="alternatives"
            aria-describedby="about-alternatives"
            type="number"
            min={0}
            max={20}
            value={alternatives}
            onInput={({ currentTarget: { value } }) =>
              onAlternatives(Math.max(0, Math.min(20, Number(value) || 0)))
            }
          />
          <small id="about-alternatives">The next answer has the probability of each token. 0 is off.</small>
        </div>
      </details>
      {groups.map(({ title, settings: listed }) => (
        <details key={title} open={title === 'Length' || title === 'Temperature'}>
          <summary>
            {title}
            {listed.some(({ name }) => name in settings) && ' (changed)'}
          </summary>
          {listed.map((setting) => (
            <SettingField
              key={setting.name}
              setting={setting}
              value={settings[setting.name]}
              onChange={(value) => onChange({ settings: withSetting(settings, setting.name, value) })}
            />
          ))}
        </details>
      ))}
      <p>
        <a href={samplerDocs} target="_blank" rel="noopener noreferrer">
          Samplers in detail
        </a>{' '}
        · <a href="/openapi.json">All fields</a>
      </p>
      <button type="button" onClick={() => onChange({ settings: {}, schema: '', tools: '' })}>
        Reset the settings
      </button>
    </aside>
  );
}

interface SettingFieldProps {
  readonly setting: Setting;
  readonly value: unknown;
  readonly onChange: (value: unknown) => void;
}

function SettingField({ setting, value, onChange }: SettingFieldProps) {
  const { name, type, description, fallback, minimum, maximum, isWhole } = setting;
  const text = value === undefined ? '' : typeof value === 'string' ? value : JSON.stringify(value);
  const shared = { id: name, value: text, placeholder: fallback, 'aria-describedby': `about-${name}` };
  return (
    <div class="field">
      <label for={name}>
        <code>{name}</code>
      </label>
      {type === 'boolean' ? (
        <select {...shared} onChange={({ currentTarget }) => onChange(parseSetting(currentTarget.value))}>
          <option value="">default{fallback !== '' && `: ${fallback}`}</option>
          <option value="true">true</option>
          <option value="false">false</option>
        </select>
      ) : (
        <input
          {...shared}
          {...(type === 'number'
            ? { type: 'number', step: isWhole ? 1 : 'any', min: minimum, max: maximum }
            : { type: 'text' })}
          onChange={({ currentTarget }) => onChange(parseSetting(currentTarget.value))}
        />
      )}
      <small id={`about-${name}`}>{description}</small>
    </div>
  );
}

interface JsonFieldProps {
  readonly label: string;
  readonly value: string;
  readonly example: string;
  readonly onChange: (text: string) => void;
}

function JsonField({ label, value, example, onChange }: JsonFieldProps) {
  return (
    <>
      <label>
        {label}
        <textarea
          rows={8}
          spellcheck={false}
          value={value}
          onInput={({ currentTarget }) => onChange(currentTarget.value)}
        />
      </label>
      <div class="buttons">
        <button type="button" onClick={() => onChange(example)}>
          Example
        </button>
        <button type="button" onClick={() => onChange('')}>
          None
        </button>
      </div>
    </>
  );
}
