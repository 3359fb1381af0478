// The live strip: speed, cache, context, memory, and the cost on Lambda.
import { useState } from 'preact/hooks';
import type { Answer } from './answer.ts';
import type { ServerProps } from './api.ts';
import { type Architecture, formatDollars, requestDollars } from './lambda-cost.ts';

interface StatusStripProps {
  readonly props: ServerProps | undefined;
  readonly detail: { readonly answer: Answer; readonly firstTokenMs?: number | undefined } | undefined;
}

const sizes = [1024, 1769, 2048, 3008, 3538, 5307, 7076, 8845, 10_240];
const toMegabytes = (bytes: number) => Math.round(bytes / 1_000_000).toLocaleString('en');

export function StatusStrip({ props, detail }: StatusStripProps) {
  const [megabytes, setMegabytes] = useState(1769);
  const [architecture, setArchitecture] = useState<Architecture>('arm64');
  const { timings } = detail?.answer ?? {};
  const first = detail?.firstTokenMs;
  const used = timings && timings.cache_n + timings.prompt_n + timings.predicted_n;
  const facts: readonly (readonly [name: string, value: string | undefined])[] = [
    ['First token', first === undefined ? undefined : `${Math.round(first)} ms`],
    ['Speed', timings && `${timings.predicted_per_second.toFixed(1)} tokens/s`],
    ['Cached', timings && `${timings.cache_n} of ${timings.cache_n + timings.prompt_n} prompt tokens`],
    [
      'Context',
      props && `${used ?? 0} of ${props.default_generation_settings.n_ctx.toLocaleString('en')} tokens`,
    ],
    [
      'Memory',
      props?.memory
        ? `${toMegabytes(props.memory.total)} of ${toMegabytes(props.memory.available)} MB`
        : undefined,
    ],
    ['On Lambda', timings && formatDollars(requestDollars(timings, megabytes, architecture))],
  ];
  return (
    <section class="strip" aria-label="Figures of the last answer">
      <dl>
        {facts.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value ?? '–'}</dd>
          </div>
        ))}
      </dl>
      <details>
        <summary>How the cost is computed</summary>
        <p>
          The time of prompt and answer on this server, at Lambda's price of a GB-second in us-east-1 and of a
          request. A function with another speed costs in proportion, and a cold start is extra.{' '}
          <a href="https://aws.amazon.com/lambda/pricing/" target="_blank" rel="noopener noreferrer">
            Prices
          </a>
        </p>
        <label>
          Memory
          <select value={megabytes} onChange={({ currentTarget: { value } }) => setMegabytes(Number(value))}>
            {sizes.map((size) => (
              <option key={size} value={size}>
                {size.toLocaleString('en')} MB
              </option>
            ))}
          </select>
        </label>
        <label>
          Processor
          <select
            value={architecture}
            onChange={({ currentTarget: { value } }) => setArchitecture(value as Architecture)}
          >
            <option value="arm64">arm64</option>
            <option value="x86_64">x86_64</option>
          </select>
        </label>
      </details>
    </section>
  );
}
