// Stored responses, in a folder as RESPONSES_DIR has it.
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import type { ResponseArchive } from '../../../../src/api/response-archive.ts';
import { FolderArchive } from '../../../../src/archive/folder-archive.ts';
import { answer } from '../../../../src/http/answer.ts';
import { toWholeResponse } from '../../../../src/http/http.ts';
import { consoleLog, type Log } from '../../../../src/telemetry/log.ts';
import { templates } from '../../chat/templates.ts';
import { FakeEngine } from '../../fake-engine.ts';
import { model, toContext } from '../fake-service.ts';
import { toCall, weather } from './ask.ts';

let directory: string;
let archive: ResponseArchive;
let ids = 0;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'responses-'));
  archive = openArchive(directory);
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
});

function openArchive(folder: string): ResponseArchive {
  return new FolderArchive(
    { name: 'RESPONSES', kind: 'folder', directory: folder, megabytes: 10, days: 1 },
    { warn: () => {} },
  );
}

interface Options {
  readonly text?: string;
  readonly key?: string;
  readonly chatTemplate?: typeof templates.withTools;
  readonly tenant?: string | undefined;
  readonly endBy?: number;
  readonly contextSize?: number;
  readonly openResponseArchive?: () => Promise<ResponseArchive>;
  readonly log?: Log;
}

/** Sends a request with an id of its own. Also returns the prompt that the model got. */
async function send(method: string, target: string, body: object | undefined, options: Options = {}) {
  const { text = 'Paris.', key, chatTemplate = templates.withTools, contextSize = 2000 } = options;
  const { openResponseArchive = async () => archive } = options;
  const { endBy, log = consoleLog } = options;
  const tenant = 'tenant' in options ? options.tenant : '';
  const engine = new FakeEngine(text, { contextSize });
  const [path = '', query] = target.split('?');
  const headers: Record<string, string> = key === undefined ? {} : { authorization: `Bearer ${key}` };
  const request = { method, path, query, headers, body: Buffer.from(JSON.stringify(body) ?? '') };
  ids += 1;
  const response = await toWholeResponse(
    await answer(
      request,
      { engine, model, chatTemplate, openResponseArchive },
      toContext({ id: `a-${ids}`, endBy, log, tenant }),
    ),
  );
  const prompt = engine.detokenize(engine.requests.at(-1)?.prompt ?? []);
  return { ...response, prompt };
}

async function respond(body: object, options?: Options) {
  const { body: json, status, headers, prompt } = await send('POST', '/v1/responses', body, options);
  expect({ status, json }).toMatchObject({ status: 200 });
  return { ...JSON.parse(json), prompt, ignored: headers['x-ignored-fields'] };
}

async function read(method: string, target: string, options?: Options) {
  const { status, body } = await send(method, target, undefined, options);
  return { status, body: JSON.parse(body) };
}

const refer = (id: string) => ({ type: 'item_reference', id });
const user = (content: string) => ({ role: 'user', content });

describe('a response', () => {
  it('is stored by default, and is retrieved as it was answered', async () => {
    const { prompt: _, ignored, ...response } = await respond({ input: 'Hi' });

    expect(ignored).toBeUndefined();
    expect(response).toMatchObject({ store: true, previous_response_id: null });
    expect(await read('GET', `/v1/responses/${response.id}`)).toEqual({ status: 200, body: response });
  });

  it('is stored with store: true, and nothing is told to be ignored', async () => {
    expect(await respond({ input: 'Hi', store: true })).toMatchObject({ store: true, ignored: undefined });
  });

  it('is not stored with store: false', async () => {
    const { id, store } = await respond({ input: 'Hi', store: false });

    expect(store).toBe(false);
    expect(await read('GET', `/v1/responses/${id}`)).toMatchObject({ status: 404 });
    expect(readdirSync(directory)).toEqual([]);
  });

  it('is stored before the last event of its stream', async () => {
    const { body } = await send('POST', '/v1/responses', { input: 'Hi', stream: true });
    const events = [...body.matchAll(/^data: (.*)$/gm)].map(([, data = '']) => JSON.parse(data));
    const { response } = events.at(-1);

    expect(events[0].response.store).toBe(true);
    expect(response).toMatchObject({ status: 'completed', store: true });
    expect(await read('GET', `/v1/responses/${response.id}`)).toEqual({ status: 200, body: response });
  });

  it('is found by the key that asked for it, and by no other', async () => {
    const { id } = await respond({ input: 'Hi' }, { key: 'a' });

    expect(await read('GET', `/v1/responses/${id}`, { key: 'a' })).toMatchObject({ status: 200 });
    for (const options of [{ key: 'b' }, {}, { tenant: 'arn:a', key: 'a' }]) {
      expect(await read('GET', `/v1/responses/${id}`, options)).toMatchObject({
        status: 404,
        body: { error: { code: 'response_not_found' } },
      });
      expect(await read('DELETE', `/v1/responses/${id}`, options)).toMatchObject({ status: 404 });
    }
    expect(await read('GET', `/v1/responses/${id}`, { key: 'a' })).toMatchObject({ status: 200 });
  });

  it('is not found by its id with anything added', async () => {
    const { id } = await respond({ input: 'Hi' });

    for (const other of [`${id}/cancel`, `${id}%00`, `${id} `, '..%2F..', 'resp_'])
      expect(await read('GET', `/v1/responses/${other}`)).toMatchObject({ status: 404 });
  });

  it('can be deleted', async () => {
    const { id } = await respond({ input: 'Hi' });

    expect(await read('DELETE', `/v1/responses/${id}`)).toEqual({
      status: 200,
      body: { id, object: 'response', deleted: true },
    });
    expect(await read('GET', `/v1/responses/${id}`)).toMatchObject({ status: 404 });
    expect(await read('DELETE', `/v1/responses/${id}`)).toMatchObject({ status: 404 });
  });

  it('says that it is not stored when the folder fails, and the request does not fail', async () => {
    writeFileSync(join(directory, 'file'), '');
    archive = openArchive(join(directory, 'file'));

    expect(await respond({ input: 'Hi' })).toMatchObject({ store: false, output: [{ type: 'message' }] });
    expect(await read('GET', '/v1/responses/resp_1')).toMatchObject({
      status: 503,
      body: { error: { code: 'response_store_unavailable', type: 'server_error' } },
    });
  });

  it('says that it is not stored when the archive cannot be opened, and the reason is logged', async () => {
    const reason = new Error('no such folder');
    const errors: unknown[] = [];
    const log = { ...consoleLog, error: (error: unknown) => void errors.push(error) };
    const openResponseArchive = () => Promise.reject(reason);
    const options = { openResponseArchive, log };
    const whole = await respond({ input: 'Hi' }, options);
    const streamed = await send('POST', '/v1/responses', { input: 'Hi', stream: true }, options);

    expect(whole).toMatchObject({ status: 'completed', store: false });
    expect(streamed.body).toMatch(/event: response.completed\ndata: .*"store":false/);
    expect(errors).toEqual([reason, reason]);
    for (const method of ['GET', 'DELETE'])
      expect(await read(method, '/v1/responses/resp_a', options)).toMatchObject({
        status: 503,
        body: { error: { code: 'response_store_unavailable' } },
      });
  });

  it('says that it is not stored when its time is up', async () => {
    const { promise: never } = Promise.withResolvers<boolean>();
    archive = { ...archive, write: () => never };

    expect(await respond({ input: 'Hi' }, { endBy: performance.now() + 50 })).toMatchObject({ store: false });
  });

  it('is not stored for requests that nobody comes back to', async () => {
    const { store, ignored } = await respond({ input: 'Hi', store: true }, { tenant: undefined });

    expect({ store, ignored }).toEqual({ store: false, ignored: 'store' });
    expect(readdirSync(directory)).toEqual([]);
  });
});

describe('previous_response_id', () => {
  it('continues the conversation with its answers, and without its instructions', async () => {
    const first = await respond({ input: 'Capital?', instructions: 'Be brief.' }, { text: 'Paris.' });
    const second = await respond(
      { input: 'Sure?', previous_response_id: first.id, instructions: 'Be long.' },
      { text: 'Yes.' },
    );
    const third = await respond({ input: [user('Why?')], previous_response_id: second.id });

    expect(second).toMatchObject({ previous_response_id: first.id, instructions: 'Be long.' });
    expect(second.prompt).toBe('[system]Be long.[user]Capital?[assistant]Paris.[user]Sure?[assistant]');
    expect(third.prompt).toBe(
      '[user]Capital?[assistant]Paris.[user]Sure?[assistant]Yes.[user]Why?[assistant]',
    );
  });

  it('makes the prompt that all items make', async () => {
    const call = { text: toCall({ city: 'Rome' }) };
    const first = await respond({ input: 'Weather?', tools: [weather] }, call);
    const [{ call_id }] = first.output;
    const output = { type: 'function_call_output', call_id, output: 'Sunny.' };
    const continued = await respond({ input: [output], tools: [weather], previous_response_id: first.id });
    const whole = await respond({ input: [user('Weather?'), ...first.output, output], tools: [weather] });

    expect(continued.prompt).toBe(whole.prompt);
    expect(continued.prompt).toContain('[tool]Sunny.');
  });

  it('still works after an earlier response was deleted', async () => {
    const first = await respond({ input: 'One' });
    const second = await respond({ input: 'Two', previous_response_id: first.id });
    await read('DELETE', `/v1/responses/${first.id}`);

    const third = await respond({ input: 'Three', previous_response_id: second.id });
    expect(third.prompt).toContain('[user]One');
  });

  it('may be used without storing the answer', async () => {
    const first = await respond({ input: 'One' });
    const { prompt, store } = await respond({ input: 'Two', previous_response_id: first.id, store: false });

    expect({ prompt, store }).toMatchObject({ store: false, prompt: expect.stringContaining('[user]One') });
  });

  it.each(['resp_none', 'nothing'])('%s that is not stored is a 400', async (previous_response_id) => {
    const { status, body } = await send('POST', '/v1/responses', { input: 'Hi', previous_response_id });

    expect({ status, ...JSON.parse(body) }).toMatchObject({
      status: 400,
      error: { code: 'previous_response_not_found', param: 'previous_response_id' },
    });
  });

  it("of another key's is a 400", async () => {
    const { id } = await respond({ input: 'Hi' }, { key: 'a' });
    const { status } = await send(
      'POST',
      '/v1/responses',
      { input: 'Hi', previous_response_id: id },
      { key: 'b' },
    );

    expect(status).toBe(400);
  });

  it('is the field of an error within the conversation before', async () => {
    const first = await respond({ input: 'x'.repeat(900) });
    const { body } = await send(
      'POST',
      '/v1/responses',
      { input: 'Hi', previous_response_id: first.id },
      { contextSize: 500 },
    );

    expect(JSON.parse(body).error).toMatchObject({ code: 'context_length_exceeded' });
    const dropped = await respond(
      { input: 'Hi', previous_response_id: first.id, truncation: 'auto' },
      { contextSize: 500 },
    );
    expect(dropped.prompt).not.toContain('xxx');
  });

  it('does not go over the limit of items', async () => {
    const items = (count: number) => [...Array(count).fill({ type: 'web_search_call' }), user('Hi')];
    const first = await respond({ input: items(4000) });
    const { status, body } = await send('POST', '/v1/responses', {
      input: items(200),
      previous_response_id: first.id,
    });

    expect({ status, ...JSON.parse(body) }).toMatchObject({ status: 400, error: { param: 'input' } });
  });

  it('does not let the server store conversations or run in the background', async () => {
    for (const fields of [{ conversation: 'conv_1' }, { prompt: { id: 'a' } }, { background: true }]) {
      const { status } = await send('POST', '/v1/responses', { input: 'Hi', ...fields });
      expect(status).toBe(400);
    }
  });
});

describe('an item_reference', () => {
  it('stands for an item of an earlier response', async () => {
    const first = await respond({ input: 'Capital?' }, { text: 'Paris.' });
    const second = await respond(
      { input: [user('Capital?'), refer(first.output[0].id), user('Sure?')] },
      { text: 'Yes.' },
    );
    const third = await respond({
      input: [
        user('Capital?'),
        refer(first.output[0].id),
        user('Sure?'),
        { id: second.output[0].id },
        user('Why?'),
      ],
    });

    expect(third.prompt).toBe(
      '[user]Capital?[assistant]Paris.[user]Sure?[assistant]Yes.[user]Why?[assistant]',
    );
    expect(third.ignored).toBeUndefined();
  });

  it('may stand for thoughts, calls and items of the input', async () => {
    const options = { text: '<think>Hm.</think>Yes.', chatTemplate: templates.thinking };
    const first = await respond({ input: 'Hi' }, options);
    const called = await respond({ input: 'Weather?', tools: [weather] }, { text: toCall({ city: 'Rome' }) });
    const { body } = await read('GET', `/v1/responses/${first.id}/input_items`);
    const thought = await respond(
      {
        input: [
          refer(body.data[0].id),
          ...first.output.map(({ id }: { id: string }) => refer(id)),
          user('Why?'),
        ],
      },
      options,
    );
    const [{ id, call_id }] = called.output;
    const answered = await respond({
      input: [refer(id), { type: 'function_call_output', call_id, output: 'Sunny.' }],
      tools: [weather],
    });

    expect(thought.prompt).toContain('[user]Hi[assistant]<think>Hm.</think>Yes.[user]Why?');
    expect(answered.prompt).toContain('"city": "Rome"');
    expect(answered.prompt).toContain('[tool]Sunny.');
  });

  it('is followed with one read where the last response has the items before it', async () => {
    let previous = await respond({ input: 'Turn 0' });
    const input: object[] = [user('Turn 0'), refer(previous.output[0].id)];
    for (let turn = 1; turn < 40; turn += 1) {
      input.push(user(`Turn ${turn}`));
      previous = await respond({ input }, { contextSize: 4000 });
      input.push(refer(previous.output[0].id));
    }
    let reads = 0;
    const folder = archive;
    archive = {
      isReadable: true,
      read: (key) => {
        reads += 1;
        return folder.read(key);
      },
      write: (key, bytes) => folder.write(key, bytes),
      remove: (key) => folder.remove(key),
    };
    const last = await respond({ input: [...input, user('Last')] }, { contextSize: 4000 });

    expect(last.prompt.match(/Paris\./g)).toHaveLength(40);
    expect(reads).toBe(1);
  });

  it('reads only so many responses', async () => {
    const input: object[] = [];
    for (let count = 0; count < 33; count += 1) {
      const { output } = await respond({ input: 'Hi' });
      input.push(user('Hi'), refer(output[0].id));
    }

    expect(await respond({ input: input.slice(2) }, { contextSize: 4000 })).toMatchObject({ store: true });
    const { status, body } = await send('POST', '/v1/responses', { input });
    expect({ status, ...JSON.parse(body) }).toMatchObject({
      status: 404,
      error: { code: 'item_not_found', param: 'input.1' },
    });
  });

  it.each(['msg_1', 'msg_none_0', 'x', 'msg_none_0_1'])(
    'to %s, which is not stored, is a 404',
    async (id) => {
      const { status, body } = await send('POST', '/v1/responses', { input: [user('Hi'), refer(id)] });

      expect({ status, ...JSON.parse(body) }).toMatchObject({
        status: 404,
        error: {
          code: 'item_not_found',
          param: 'input.1',
          message: expect.stringContaining("'store': false"),
        },
      });
    },
  );

  it("to another key's item is a 404", async () => {
    const { output } = await respond({ input: 'Hi' }, { key: 'a' });
    const { status } = await send('POST', '/v1/responses', { input: [refer(output[0].id)] }, { key: 'b' });

    expect(status).toBe(404);
  });
});

describe('the input items of a response', () => {
  const input = [
    user('One'),
    { role: 'assistant', content: 'Two' },
    { role: 'user', content: [{ type: 'input_text', text: 'Three' }], id: 'msg_mine' },
  ];
  const textsOf = ({ data }: { data: { content: { text: string }[] }[] }) =>
    data.map(({ content }) => content[0]?.text);

  it('are listed from the last to the first, with ids and in parts', async () => {
    const { id } = await respond({ input });
    const { body } = await read('GET', `/v1/responses/${id}/input_items`);

    expect(body).toMatchObject({
      object: 'list',
      has_more: false,
      first_id: 'msg_mine',
      last_id: `${id.replace('resp', 'msg')}_in0`,
    });
    expect(body.data).toMatchObject([
      { type: 'message', role: 'user', content: [{ type: 'input_text', text: 'Three' }] },
      { type: 'message', role: 'assistant', content: [{ type: 'output_text', text: 'Two' }] },
      { type: 'message', role: 'user', content: [{ type: 'input_text', text: 'One' }] },
    ]);
  });

  it('come in pages', async () => {
    const { id } = await respond({ input });
    const first = (await read('GET', `/v1/responses/${id}/input_items?limit=2&order=asc`)).body;
    const second = (
      await read('GET', `/v1/responses/${id}/input_items?limit=2&order=asc&after=${first.last_id}`)
    ).body;

    expect([textsOf(first), first.has_more]).toEqual([['One', 'Two'], true]);
    expect([textsOf(second), second.has_more]).toEqual([['Three'], false]);
  });

  it('have those of earlier responses, with their answers', async () => {
    const first = await respond({ input: 'One' }, { text: 'Two' });
    const second = await respond({ input: 'Three', previous_response_id: first.id });
    const { body } = await read('GET', `/v1/responses/${second.id}/input_items?order=asc`);

    expect(textsOf(body)).toEqual(['One', 'Two', 'Three']);
    expect(body.data[1].id).toBe(first.output[0].id);
  });

  it.each(['limit=0', 'limit=101', 'limit=x', 'order=up', 'after=msg_none'])(
    'fail with ?%s',
    async (query) => {
      const { id } = await respond({ input });

      expect(await read('GET', `/v1/responses/${id}/input_items?${query}`)).toMatchObject({
        status: 400,
        body: { error: { code: 'invalid_value', param: query.split('=')[0] } },
      });
    },
  );
});

describe('a server that stores nothing', () => {
  it.each(['GET', 'DELETE'])('has no stored responses for %s', async (method) => {
    expect(await read(method, '/v1/responses/resp_1', { tenant: undefined })).toMatchObject({
      status: 404,
      body: { error: { code: 'unknown_url' } },
    });
  });
});
