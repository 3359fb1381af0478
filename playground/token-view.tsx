// The tokens of an answer, coloured by their probability, with the alternatives to the one that is pointed at.
import { useRef, useState } from 'preact/hooks';
import type { ScoredToken } from './answer.ts';

const steps = [0.9, 0.6, 0.3, 0.1];

/** The colour of a probability: 0 for the surest, 4 for the least likely. */
function toStep(probability: number): number {
  const step = steps.findIndex((least) => probability >= least);
  return step < 0 ? steps.length : step;
}

const percent = (probability: number) => `${(probability * 100).toFixed(1)}%`;

const visible = (text: string) => (text.trim() === '' ? JSON.stringify(text) : text);

export function TokenView({ tokens }: { readonly tokens: readonly ScoredToken[] }) {
  const [current, setCurrent] = useState(0);
  const group = useRef<HTMLDivElement>(null);
  const token = tokens[current];
  const onKeyDown = (event: KeyboardEvent) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    const next = Math.max(0, Math.min(tokens.length - 1, current + step));
    group.current?.querySelectorAll('button')[next]?.focus();
  };
  return (
    <div>
      <p class="hint">
        Point at a token, or move with the arrow keys, to see the likeliest tokens at its place.
      </p>
      {/* biome-ignore lint/a11y/noStaticElementInteractions: the keys come from the buttons within. */}
      <div class="tokens" ref={group} onKeyDown={onKeyDown}>
        {tokens.map(({ text, probability }, index) => (
          <button
            key={index}
            type="button"
            class={`token step-${toStep(probability)}`}
            tabIndex={index === current ? 0 : -1}
            aria-label={`${visible(text)}, ${percent(probability)}`}
            onFocus={() => setCurrent(index)}
            onMouseEnter={() => setCurrent(index)}
          >
            {text.replaceAll('\n', '⏎\n')}
          </button>
        ))}
      </div>
      {token !== undefined && (
        <table class="alternatives" aria-live="polite">
          <caption>
            Alternatives to <code>{visible(token.text)}</code>, {percent(token.probability)}
          </caption>
          <tbody>
            {token.alternatives.map(({ text, probability }) => (
              <tr key={text}>
                <th scope="row">
                  <code>{visible(text)}</code>
                </th>
                <td>{percent(probability)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </div>
  );
}
