// A language server that completes the text before the cursor, for any editor that speaks LSP over standard input and output.
// Helix, in languages.toml:
//   [language-server.gguf-lambda]
//   command = "node"
//   args = ["/path/to/examples/language-server.mjs"]
import OpenAI, { APIUserAbortError } from 'openai';

const client = new OpenAI({
  baseURL: process.env.BASE_URL ?? 'http://127.0.0.1:8000/v1',
  apiKey: process.env.API_KEY ?? 'none',
});

/** Characters before the cursor. Each keystroke adds to the same beginning, which the server has in its cache. */
const most = 2_000;

/** Texts of open documents by URI. */
const documents = new Map();
/** The completion that runs. The next keystroke aborts it. */
let typing = new AbortController();

const handlers = {
  initialize: () => ({ capabilities: { textDocumentSync: 1, completionProvider: {} } }),
  shutdown: () => null,
  exit: () => process.exit(),
  'textDocument/didOpen': ({ textDocument: { uri, text } }) => void documents.set(uri, text),
  'textDocument/didChange': ({ textDocument: { uri }, contentChanges: [{ text }] }) =>
    void documents.set(uri, text),
  'textDocument/didClose': ({ textDocument: { uri } }) => void documents.delete(uri),
  'textDocument/completion': async ({ textDocument: { uri }, position }) => {
    typing.abort();
    typing = new AbortController();
    const lines = (documents.get(uri) ?? '').split('\n').slice(0, position.line + 1);
    const before = [...lines.slice(0, -1), (lines.at(-1) ?? '').slice(0, position.character)].join('\n');
    const request = {
      model: 'any',
      prompt: before.slice(-most),
      max_tokens: 24,
      stop: ['\n'],
      temperature: 0,
    };
    const { choices } = await client.completions.create(request, { signal: typing.signal });
    const newText = choices[0].text;
    const range = { start: position, end: position };
    return newText.trim() === ''
      ? []
      : [{ label: newText.trim(), textEdit: { range, newText }, filterText: '' }];
  },
};

async function handle({ id, method, params }) {
  try {
    const result = await handlers[method]?.(params);
    if (id !== undefined) send({ id, result: result ?? null });
  } catch (error) {
    // LSP's "request cancelled" and JSON-RPC's "internal error".
    const code = error instanceof APIUserAbortError ? -32800 : -32603;
    if (id !== undefined) send({ id, error: { code, message: error.message } });
  }
}

function send(message) {
  const body = Buffer.from(JSON.stringify({ jsonrpc: '2.0', ...message }));
  process.stdout.write(`Content-Length: ${body.length}\r\n\r\n`);
  process.stdout.write(body);
}

let received = Buffer.alloc(0);
for await (const chunk of process.stdin) {
  received = Buffer.concat([received, chunk]);
  for (;;) {
    const end = received.indexOf('\r\n\r\n');
    const [, length] = /Content-Length: (\d+)/i.exec(received.subarray(0, Math.max(0, end)).toString()) ?? [];
    const next = end + 4 + Number(length);
    if (end < 0 || received.length < next) break;
    void handle(JSON.parse(received.subarray(end + 4, next).toString()));
    received = received.subarray(next);
  }
}
