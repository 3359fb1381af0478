// The page as a whole: who asks what, and where it is shown.
import { useEffect, useRef, useState } from 'preact/hooks';
import type { Answer } from './answer.ts';
import { ApiError, readServer, type Server } from './api.ts';
import { Composer } from './composer.tsx';
import type { Message } from './conversations.ts';
import { CopyAs } from './copy-as-menu.tsx';
import { MessageView } from './message-view.tsx';
import { type ApiRequest, toRequest } from './request.ts';
import { Settings } from './settings-panel.tsx';
import { Sidebar } from './sidebar.tsx';
import { StatusStrip } from './status-strip.tsx';
import { useAnswer } from './use-answer.ts';
import { useConversations } from './use-conversations.ts';

/** What is known of an answer beside its text. It is not stored. */
interface Detail {
  readonly answer: Answer;
  readonly firstTokenMs?: number;
}

export function App() {
  const [key, setKey] = useState('');
  const [server, setServer] = useState<Server>();
  const [needsKey, setNeedsKey] = useState(false);
  const [failure, setFailure] = useState('');
  const [status, setStatus] = useState('');
  const [alternatives, setAlternatives] = useState(0);
  const [details, setDetails] = useState<ReadonlyMap<string, Detail>>(new Map());
  const conversations = useConversations(setFailure);
  const { current, change } = conversations;
  const { growing, firstTokenMs, ask, stop } = useAnswer();
  const [askedId, setAskedId] = useState('');
  const end = useRef<HTMLDivElement>(null);

  const fail = (error: unknown) => {
    if (error instanceof ApiError && error.status === 401) setNeedsKey(true);
    setFailure(error instanceof Error ? error.message : String(error));
  };
  const connect = async (sent: string) => {
    try {
      setServer(await readServer(sent));
      setFailure('');
    } catch (error) {
      fail(error);
    }
  };
  useEffect(() => void connect(''), []);
  useEffect(
    () => end.current?.scrollIntoView({ block: 'nearest' }),
    [growing, current.messages.length, current.id],
  );

  const model = server?.props.model_alias ?? '';
  const toNext = (messages: readonly Message[]): ApiRequest =>
    toRequest({ ...current, messages: [...messages] }, { model, alternatives });
  const answered = growing !== undefined && askedId === current.id ? growing : undefined;

  /** Asks for the answer to these messages, which become the conversation's. */
  const send = async (messages: readonly Message[]) => {
    const { id } = current;
    try {
      const request = toNext(messages);
      change({ messages: [...messages] });
      setFailure('');
      setStatus('The model answers.');
      setAskedId(id);
      const { answer, error, firstTokenMs: first } = await ask(request, key);
      if (error !== undefined) fail(error);
      setStatus(
        error === undefined ? `The answer has ended after ${answer.timings?.predicted_n ?? 0} tokens.` : '',
      );
      if (answer.text === '' && answer.reasoning === '' && answer.toolCalls.length === 0) return;
      change({ messages: [...messages, toMessage(answer)] }, id);
      const detail = { answer, ...(first !== undefined && { firstTokenMs: first }) };
      setDetails((before) => new Map(before).set(`${id} ${messages.length}`, detail));
    } catch (error) {
      setStatus('');
      fail(error);
    }
  };
  const say = (content: string) =>
    void send([...(current.mode === 'chat' ? current.messages : []), { role: 'user', content }]);

  const latest = details.get(`${current.id} ${current.messages.length - 1}`);
  const strip = answered === undefined ? latest : { answer: answered, firstTokenMs };
  return (
    <div class="page">
      <header>
        <h1>
          Playground <span class="model">{model}</span>
        </h1>
        <label class="key">
          API key
          <input
            type="password"
            autocomplete="off"
            value={key}
            placeholder={needsKey ? 'required' : 'if the server asks for one'}
            onInput={(event) => setKey(event.currentTarget.value)}
            onChange={(event) => void connect(event.currentTarget.value)}
          />
        </label>
      </header>
      <Sidebar conversations={conversations} fail={setFailure} />
      <main>
        {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a keyboard can scroll only what it can focus. */}
        <div class="messages" role="log" aria-live="off" aria-label="Conversation" tabIndex={0}>
          {current.messages.length === 0 && answered === undefined && (
            <p class="hint">Ask something. The conversation stays in this browser.</p>
          )}
          {current.messages.map((message, index) => (
            <MessageView
              key={`${current.id} ${index}`}
              message={message}
              tokens={details.get(`${current.id} ${index}`)?.answer.tokens ?? []}
              conversation={current}
              onResults={
                index === current.messages.length - 1 && growing === undefined
                  ? (results) => void send([...current.messages, ...results])
                  : undefined
              }
            />
          ))}
          {answered !== undefined && (
            <MessageView
              message={toMessage(answered)}
              tokens={answered.tokens}
              conversation={current}
              isGrowing
            />
          )}
          <div ref={end} />
        </div>
        {failure !== '' && (
          <p class="failure" role="alert">
            {failure}
          </p>
        )}
        <p class="hidden" role="status">
          {status}
        </p>
        <StatusStrip props={server?.props} detail={strip} />
        <Composer
          mode={current.mode}
          isBusy={growing !== undefined}
          isReady={server !== undefined}
          onMode={(mode) => change({ mode, messages: [] })}
          onSend={say}
          onStop={stop}
        />
        <CopyAs toRequest={() => toNext(toCopied(current.messages))} hasKey={key !== '' || needsKey} />
      </main>
      <Settings
        conversation={current}
        server={server}
        apiKey={key}
        alternatives={alternatives}
        onAlternatives={setAlternatives}
        onChange={change}
        onFailure={fail}
      />
    </div>
  );
}

function toMessage({ text, reasoning, toolCalls }: Answer): Message {
  return {
    role: 'assistant',
    content: text,
    ...(reasoning !== '' && { reasoning }),
    ...(toolCalls.length > 0 && { toolCalls: [...toolCalls] }),
  };
}

/** The request that is copied is the last one that was sent. A new conversation has an example. */
function toCopied(messages: readonly Message[]): readonly Message[] {
  if (messages.length === 0) return [{ role: 'user', content: 'What is the capital of France?' }];
  return messages.at(-1)?.role === 'assistant' ? messages.slice(0, -1) : messages;
}
