// An editor's side of the Language Server Protocol, over a process's standard input and output.
import type { ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import type { Readable, Writable } from 'node:stream';

interface Answer {
  readonly id: number;
  readonly result?: unknown;
  readonly error?: { readonly code: number; readonly message: string };
}

export class LanguageClient {
  readonly #server: ChildProcessByStdio<Writable, Readable, null>;
  readonly #waiting = new Map<number, (answer: Answer) => void>();
  #received = '';

  constructor(server: ChildProcessByStdio<Writable, Readable, null>) {
    this.#server = server;
    // All texts of the tests are ASCII: a character is a byte.
    server.stdout.setEncoding('latin1').on('data', (text: string) => {
      this.#received += text;
      this.#read();
    });
  }

  request(method: string, params: object): Promise<Answer> {
    const id = this.#waiting.size + 1;
    const answer = new Promise<Answer>((resolve) => this.#waiting.set(id, resolve));
    this.#send({ id, method, params });
    return answer;
  }

  notify(method: string, params: object): void {
    this.#send({ method, params });
  }

  async end(): Promise<void> {
    const closed = once(this.#server, 'close');
    this.notify('exit', {});
    await closed;
  }

  #send(message: object): void {
    const body = JSON.stringify({ jsonrpc: '2.0', ...message });
    this.#server.stdin.write(`Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`);
  }

  #read(): void {
    for (;;) {
      const [header, length] = /^Content-Length: (\d+)\r\n\r\n/.exec(this.#received) ?? [];
      if (header === undefined || this.#received.length < header.length + Number(length)) return;
      const end = header.length + Number(length);
      const answer = JSON.parse(this.#received.slice(header.length, end)) as Answer;
      this.#received = this.#received.slice(end);
      this.#waiting.get(answer.id)?.(answer);
    }
  }
}
