// Clients that send a byte now and then on 50 connections, and clients that do not read their streams. Others are answered
// meanwhile, and in the end they are too.
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import type { FrontProcess } from '../../model/front-process.ts';
import type { Attack, Target } from '../target.ts';

const senders = 50;
/** As many as there are slots. */
const readers = 2;
/** Seconds for one answer of the server whose streams are not read, and for the load of its model. */
const timeout = 10;
const pauseMs = 100;

const slowRequest = toRequest({ prompt: 'Hi', max_tokens: 1 });
/** Each token has twenty others, so that the stream is larger than the buffers of the connection. */
const stream = toRequest({
  prompt: 'Once upon a time',
  max_tokens: 900,
  ignore_eos: true,
  stream: true,
  logprobs: 20,
});

export const beSlow: Attack = {
  name: 'slow clients',
  run: async (target) => {
    const sending = Array.from({ length: senders }, (_, index) => sendSlowly(target, index));
    await target.checkReference('slow senders began');
    await Promise.all(sending);
    await readSlowly(target);
  },
};

function toRequest(body: object): string {
  const json = JSON.stringify(body);
  const head = `POST /v1/completions HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\nconnection: close\r\n`;
  return `${head}content-length: ${json.length}\r\n\r\n${json}`;
}

function open({ url }: FrontProcess): Socket {
  return connect(Number(new URL(url).port), '127.0.0.1').on('error', () => {});
}

/** Half of them send the headers slowly, and half of them the body. */
async function sendSlowly(target: Target, index: number): Promise<void> {
  const socket = open(target.front);
  const answer = text(socket);
  const slowFrom = index % 2 === 0 ? 0 : slowRequest.indexOf('\r\n\r\n') + 4;
  const slowTo = slowFrom + 30;
  socket.write(slowRequest.slice(0, slowFrom));
  for (const byte of slowRequest.slice(slowFrom, slowTo)) {
    socket.write(byte);
    await delay(pauseMs);
  }
  socket.write(slowRequest.slice(slowTo));
  target.count('slow senders');
  const [line = ''] = (await answer).split('\r\n');
  if (!line.includes(' 200 ')) target.fault(`'${line}' to a slow sender`);
}

/** Streams that are not read keep a slot until their time is up, and no longer. */
async function readSlowly(target: Target): Promise<void> {
  const front = await target.startAnother({ FUNCTION_TIMEOUT: String(timeout) });
  const sockets = Array.from({ length: readers }, () => open(front));
  for (const socket of sockets) socket.write(stream);
  await Promise.all(sockets.map((socket) => once(socket, 'readable')));
  await target.checkIdle('streams that nobody reads', front, timeout + 5);
  await target.checkReference('streams that nobody reads', front);
  for (const socket of sockets) {
    const isWhole = (await text(socket)).includes('[DONE]');
    target.count(isWhole ? 'slow readers that got all' : 'slow readers that were cut');
  }
  await front.end('SIGTERM');
}
