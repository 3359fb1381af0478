// The module that Node imports before the runtime interface client (infra/entry.sh).
import { frontSocketVariable } from '../server/private-socket.ts';
import { loadModel } from './load-model.ts';
import { needsModel } from './model-memory.ts';

// An environment that gets several invocations at once, as on Lambda Managed Instances, runs the function in threads, and
// each thread runs this file too. The main thread then loads nothing. Other environments skip the question.
const hasThreads = process.env.AWS_LAMBDA_MAX_CONCURRENCY !== undefined;
const runsFunction = !(hasThreads && (await import('node:worker_threads')).isMainThread);
const usesModel = needsModel(process.env._HANDLER);
const frontSocket = process.env[frontSocketVariable];

if (runsFunction && usesModel) void loadModel(process.env);
if (runsFunction && frontSocket !== undefined) void answerFront(frontSocket);

/** Answers the requests of port 8000 in this process, with the model that the function has. */
async function answerFront(socket: string): Promise<void> {
  const { listenForFront } = await import('../server/runtime/listener.ts');
  const { createRequestListener, rehearse } = await import('../server/runtime/request-listener.ts');
  const { loadService } = await import('./load-service.ts');
  const { readFunctionTimeout } = await import('../server/config.ts');
  const load = () => loadService(process.env);
  // The handler fails with the same error, and the interface client reports that.
  const description = usesModel
    ? load()
        .then(() => loadModel(process.env))
        .then(
          (loaded) => loaded.description,
          () => {
            // The interface client throws what it has reported. The front prints the reason, and nobody needs its stack.
            process.on('unhandledRejection', () => process.exit(1));
            return undefined;
          },
        )
    : Promise.resolve([]);
  const listening = listenForFront({
    frontSocket: socket,
    answer: createRequestListener({ load, timeoutSeconds: readFunctionTimeout(process.env) }),
    ready: description,
    settle: async () => {
      if (usesModel && (await description) !== undefined) await (await load()).engine.settled?.();
    },
  });
  setImmediate(rehearse);
  await listening;
}
