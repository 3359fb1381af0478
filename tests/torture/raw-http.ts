// Bytes that are no good HTTP, and connections that stay half open. Whatever the server answers, it goes on.
import { once } from 'node:events';
import { connect } from 'node:net';

const body = '{"prompt":"Hi","max_tokens":1}';
const post = (headers: string, content = body) =>
  `POST /v1/completions HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n${headers}\r\n${content}`;

const abuses: Readonly<Record<string, string>> = {
  'both lengths': post(`content-length: ${body.length}\r\ntransfer-encoding: chunked\r\n`),
  'two lengths': post(`content-length: ${body.length}\r\ncontent-length: 7\r\n`),
  'a length that is too short': post('content-length: 3\r\n'),
  'a length that is too long': post('content-length: 3000\r\n'),
  'a negative length': post('content-length: -1\r\n'),
  'a huge length': post('content-length: 99999999999999999999\r\n'),
  'folded headers': post(`x-folded: a\r\n b\r\ncontent-length: ${body.length}\r\n`),
  'a header of 100 KB': post(`x-long: ${'a'.repeat(100_000)}\r\ncontent-length: ${body.length}\r\n`),
  'bad chunks': post('transfer-encoding: chunked\r\n', 'ZZ\r\nabc\r\n0\r\n\r\n'),
  'half a chunk': post('transfer-encoding: chunked\r\n', 'ff\r\nabc'),
  'no host': 'GET /health HTTP/1.1\r\n\r\n',
  'HTTP/1.0': 'GET /health HTTP/1.0\r\n\r\n',
  'HTTP/9.9': 'GET /health HTTP/9.9\r\n\r\n',
  'an absolute URI': 'GET http://localhost/health HTTP/1.1\r\nhost: localhost\r\n\r\n',
  'a proxy request': 'CONNECT example.com:443 HTTP/1.1\r\nhost: example.com\r\n\r\n',
  'three requests at once': 'GET /health HTTP/1.1\r\nhost: localhost\r\n\r\n'.repeat(3),
  'half a header': 'POST /v1/completions HTTP/1.1\r\nhost: lo',
  'a body that stops': post('content-length: 30\r\n', '{"prompt"'),
  'bytes of TLS': '\u0016\u0003\u0001\u0002\u0000\u0001\u0000\u0001\u00fc\u0003\u0003',
  zeros: '\0'.repeat(1000),
};

export const abuseNames = Object.keys(abuses);

/** Sends an abuse and closes its side after an answer, or after a moment without one. */
export async function sendAbuse(name: string, port: number): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => {});
  let answer = '';
  socket.setEncoding('latin1').on('data', (text: string) => {
    answer += text;
  });
  socket.setTimeout(500, () => socket.destroy());
  socket.write(abuses[name] ?? '', 'latin1');
  await once(socket, 'close').catch(() => {});
  return answer.split('\r\n', 1)[0] ?? '';
}
