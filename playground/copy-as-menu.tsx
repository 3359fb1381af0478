// The request as a command or a program, shown and copied.
import { useState } from 'preact/hooks';
import { type CopyOptions, toCurl, toNode, toPython } from './copy-as.ts';
import type { ApiRequest } from './request.ts';

const languages = { curl: toCurl, Node: toNode, Python: toPython } as const;

interface CopyAsProps {
  /** @throws {Error} when the conversation makes no request */
  readonly toRequest: () => ApiRequest;
  readonly hasKey: boolean;
}

export function CopyAs({ toRequest, hasKey }: CopyAsProps) {
  const [code, setCode] = useState('');
  const [note, setNote] = useState('');
  const copy = async (write: (request: ApiRequest, options: CopyOptions) => string) => {
    try {
      const text = write(toRequest(), { origin: location.origin, hasKey });
      setCode(text);
      await navigator.clipboard.writeText(text);
      setNote('Copied.');
    } catch (error) {
      // A browser forbids the clipboard on an address without TLS that is not this machine's.
      setNote(
        error instanceof DOMException || error instanceof TypeError ? 'Copy it from here:' : String(error),
      );
    }
  };
  return (
    <section class="copy" aria-label="Copy the request">
      <div class="buttons">
        <span>Copy as</span>
        {Object.entries(languages).map(([name, write]) => (
          <button key={name} type="button" onClick={() => void copy(write)}>
            {name}
          </button>
        ))}
        {code !== '' && (
          <button type="button" onClick={() => setCode('')}>
            Hide
          </button>
        )}
        <span role="status">{code === '' ? '' : note}</span>
      </div>
      {code !== '' && (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a keyboard can scroll only what it can focus.
        <pre tabIndex={0}>{code}</pre>
      )}
    </section>
  );
}
