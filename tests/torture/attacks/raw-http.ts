// Bytes that are no good HTTP, or rare HTTP. Each has the statuses that a server may answer; none stands for a closed connection.
import { once } from 'node:events';
import { connect } from 'node:net';
import type { Attack } from '../target.ts';

const body = '{"prompt":"Hi","max_tokens":1}';
const post = (headers: string, content = body, version = '1.1') =>
  `POST /v1/completions HTTP/${version}\r\nhost: localhost\r\ncontent-type: application/json\r\n${headers}\r\n${content}`;
const sized = (content = body) => `content-length: ${content.length}\r\n`;
const health = 'GET /health HTTP/1.1\r\nhost: localhost\r\n\r\n';

interface Exchange {
  readonly bytes: string;
  /** The statuses of all answers on the connection, as `200 200`; any of these. Empty: closed without an answer. */
  readonly statuses: readonly string[];
  /** The client closes its side after its request, and still reads. */
  readonly halfCloses?: boolean;
}

const refused: readonly string[] = ['400'];

const exchanges: Readonly<Record<string, Exchange>> = {
  'both lengths': { bytes: post(`${sized()}transfer-encoding: chunked\r\n`), statuses: refused },
  'two lengths': { bytes: post(`${sized()}content-length: 7\r\n`), statuses: refused },
  'two equal lengths': { bytes: post(`${sized()}${sized()}`), statuses: ['200', '400'] },
  'two kinds of transfer': {
    bytes: post('transfer-encoding: gzip, chunked\r\n', '0\r\n\r\n'),
    statuses: ['400', '501'],
  },
  // The rest of the body is taken for a second request.
  'a length that is too short': { bytes: post('content-length: 3\r\n'), statuses: ['400', '400 400'] },
  'a length that is too long': { bytes: post('content-length: 3000\r\n'), statuses: [''] },
  'a negative length': { bytes: post('content-length: -1\r\n'), statuses: refused },
  'a length in words': { bytes: post('content-length: many\r\n'), statuses: refused },
  'a huge length': { bytes: post('content-length: 99999999999999999999\r\n'), statuses: ['400', '413'] },
  'folded headers': { bytes: post(`x-folded: a\r\n b\r\n${sized()}`), statuses: ['200', '400'] },
  'a space before the colon': { bytes: post(`x-spaced : a\r\n${sized()}`), statuses: refused },
  'a header without a name': { bytes: post(`: a\r\n${sized()}`), statuses: refused },
  'a header of 100 KB': { bytes: post(`x-long: ${'a'.repeat(100_000)}\r\n${sized()}`), statuses: ['431'] },
  'ten thousand headers': { bytes: post(`${'x: y\r\n'.repeat(10_000)}${sized()}`), statuses: ['431'] },
  'an address of 100 KB': { bytes: `GET /${'a'.repeat(100_000)} HTTP/1.1\r\n\r\n`, statuses: ['431', '414'] },
  chunks: {
    bytes: post('transfer-encoding: chunked\r\n', `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`),
    statuses: ['200'],
  },
  'bad chunks': {
    bytes: post('transfer-encoding: chunked\r\n', 'ZZ\r\nabc\r\n0\r\n\r\n'),
    statuses: refused,
  },
  'half a chunk': { bytes: post('transfer-encoding: chunked\r\n', 'ff\r\nabc'), statuses: [''] },
  'line feeds alone': { bytes: health.replaceAll('\r', ''), statuses: ['200', '400'] },
  'no host': { bytes: 'GET /health HTTP/1.1\r\n\r\n', statuses: refused },
  'another host': { bytes: 'GET /health HTTP/1.1\r\nhost: example.com\r\n\r\n', statuses: ['403'] },
  'HTTP/1.0': { bytes: 'GET /health HTTP/1.0\r\n\r\n', statuses: ['200'] },
  'HTTP/1.0 with a body': { bytes: post(sized(), body, '1.0'), statuses: ['200'] },
  'HTTP/9.9': { bytes: 'GET /health HTTP/9.9\r\n\r\n', statuses: ['400', '505'] },
  'the beginning of HTTP/2': { bytes: 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', statuses: ['400', '505'] },
  'an absolute URI': {
    bytes: 'GET http://localhost/health HTTP/1.1\r\nhost: localhost\r\n\r\n',
    statuses: ['200', '404'],
  },
  'a proxy request': {
    bytes: 'CONNECT example.com:443 HTTP/1.1\r\nhost: example.com\r\n\r\n',
    statuses: ['', '400', '403', '404', '405'],
  },
  'an upgrade': {
    bytes: health.replace('\r\n\r\n', '\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n'),
    statuses: ['200'],
  },
  'three requests at once': { bytes: health.repeat(3), statuses: ['200 200 200'] },
  'a completion and a request behind it': { bytes: post(sized()) + health, statuses: ['200 200'] },
  // The connection is closed at once, so the first answer may be lost.
  'a bad request behind a good one': { bytes: `${health}nonsense\r\n\r\n`, statuses: ['200 400', '400'] },
  'a client that closes its side': { bytes: post(sized()), statuses: ['200'], halfCloses: true },
  'a client that closes its side within its body': {
    bytes: post('content-length: 3000\r\n'),
    statuses: ['', '400'],
    halfCloses: true,
  },
  'half a header': { bytes: 'POST /v1/completions HTTP/1.1\r\nhost: lo', statuses: [''] },
  'a body that stops': { bytes: post('content-length: 30\r\n', '{"prompt"'), statuses: [''] },
  'bytes of TLS': {
    bytes: '\u0016\u0003\u0001\u0002\u0000\u0001\u0000\u0001\u00fc\u0003\u0003',
    statuses: refused,
  },
  zeros: { bytes: '\0'.repeat(1000), statuses: refused },
};

export const sendRawHttp: Attack = {
  name: 'raw HTTP',
  run: async (target) => {
    const port = Number(new URL(target.front.url).port);
    const send = async ([name, exchange]: [string, Exchange]) => {
      target.count('raw exchanges');
      const statuses = await talk(exchange, port);
      if (!exchange.statuses.includes(statuses)) target.fault(`'${statuses}' to '${name}'`);
    };
    await Promise.all(Object.entries(exchanges).map(send));
  },
};

/** A busy machine may take so long for an answer, in milliseconds. Exchanges that get none take as long. */
const silence = 8000;

/** The statuses of the answers that come before the server is silent. */
async function talk({ bytes, halfCloses }: Exchange, port: number): Promise<string> {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  socket.on('error', () => {});
  let answer = '';
  socket.setEncoding('latin1').on('data', (text: string) => {
    answer += text;
  });
  socket.once('end', () => socket.destroy());
  socket.setTimeout(silence, () => socket.destroy());
  socket.write(bytes, 'latin1');
  if (halfCloses) socket.end();
  await once(socket, 'close').catch(() => {});
  const statuses = [...answer.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, status]) => status);
  // Interim answers are not counted.
  return statuses.filter((status) => !status?.startsWith('1')).join(' ');
}
