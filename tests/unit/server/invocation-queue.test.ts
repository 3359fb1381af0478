import { describe, expect, it } from 'vitest';
import { InvocationQueue, QueueClosedError, QueueFullError } from '../../../src/server/invocation-queue.ts';

const stays = new AbortController().signal;

function createQueue({ limit = 10, now = (): number => 0 } = {}) {
  return new InvocationQueue({ limit, now });
}

/** A task that says when it begins and ends when it is told to. */
function createTask<Result>(result: Result) {
  const begun = Promise.withResolvers<void>();
  const end = Promise.withResolvers<Result>();
  const run = () => {
    begun.resolve();
    return end.promise;
  };
  return { run, begun: begun.promise, finish: () => end.resolve(result), fail: end.reject };
}

describe('InvocationQueue', () => {
  it('runs one task at a time, in the order they came', async () => {
    const queue = createQueue();
    const events: string[] = [];
    const task = (name: string) => async () => {
      events.push(`${name} begins`);
      await Promise.resolve();
      events.push(`${name} ends`);
    };

    await Promise.all(['a', 'b', 'c'].map((name) => queue.run(task(name), stays)));

    expect(events).toEqual(['a begins', 'a ends', 'b begins', 'b ends', 'c begins', 'c ends']);
  });

  it('goes on after a task that fails', async () => {
    const queue = createQueue();
    const failing = queue.run(() => Promise.reject(new Error('broken')), stays);
    const next = queue.run(async () => 'next', stays);

    await expect(failing).rejects.toThrow('broken');
    await expect(next).resolves.toBe('next');
  });

  it('refuses more than may wait, and takes one again when there is room', async () => {
    const queue = createQueue({ limit: 1 });
    const first = createTask('first');
    const second = createTask('second');
    const results = [queue.run(first.run, stays), queue.run(second.run, stays)];

    await expect(queue.run(async () => 'third', stays)).rejects.toThrow(QueueFullError);
    first.finish();
    await second.begun;
    const fourth = queue.run(async () => 'fourth', stays);
    second.finish();

    await expect(Promise.all([...results, fourth])).resolves.toEqual(['first', 'second', 'fourth']);
  });

  it('runs a task without a queue, with a limit of 0', async () => {
    const queue = createQueue({ limit: 0 });

    await expect(queue.run(async () => 'alone', stays)).resolves.toBe('alone');
  });

  it.each([
    { duration: 0, seconds: 1 },
    { duration: 1_000, seconds: 1 },
    { duration: 2_001, seconds: 3 },
  ])('asks to retry after $seconds s when an invocation took $duration ms', async ({ duration, seconds }) => {
    let time = 0;
    const queue = createQueue({ limit: 0, now: () => time });
    await queue.run(async () => {
      time += duration;
    }, stays);
    const running = createTask('running');
    const run = queue.run(running.run, stays);

    await expect(queue.run(async () => {}, stays)).rejects.toMatchObject({ retryAfterSeconds: seconds });
    running.finish();
    await run;
  });

  it('drops a task whose client leaves before its turn', async () => {
    const queue = createQueue();
    const client = new AbortController();
    const first = createTask('first');
    const running = queue.run(first.run, stays);
    let ran = false;
    const left = queue.run(async () => {
      ran = true;
    }, client.signal);
    const last = queue.run(async () => 'last', stays);

    client.abort(new Error('left'));
    first.finish();

    await expect(left).rejects.toThrow('left');
    await expect(running).resolves.toBe('first');
    await expect(last).resolves.toBe('last');
    expect(ran).toBe(false);
  });

  it('does not take a task whose client has left already', async () => {
    const queue = createQueue();

    await expect(queue.run(async () => 'ran', AbortSignal.abort(new Error('left')))).rejects.toThrow('left');
  });

  it('lets a task end whose client leaves while it runs, before the next begins', async () => {
    const queue = createQueue();
    const client = new AbortController();
    const first = createTask('first');
    const running = queue.run(first.run, client.signal);
    const second = createTask('second');
    const next = queue.run(second.run, stays);

    client.abort();
    expect(queue.waiting).toBe(1);
    first.finish();
    second.finish();

    await expect(running).resolves.toBe('first');
    await expect(next).resolves.toBe('second');
  });

  it('refuses what waits and what comes when it is closed, and lets the running task end', async () => {
    const queue = createQueue();
    const first = createTask('first');
    const running = queue.run(first.run, stays);
    const waiting = queue.run(async () => 'waiting', stays);

    queue.close();
    const late = queue.run(async () => 'late', stays);

    await expect(waiting).rejects.toThrow(QueueClosedError);
    await expect(late).rejects.toThrow(QueueClosedError);
    first.finish();
    await queue.whenIdle();
    await expect(running).resolves.toBe('first');
  });

  it('is idle at once when nothing runs', async () => {
    await expect(createQueue().whenIdle()).resolves.toBeUndefined();
  });
});
