// What infra/entry.sh has Node run before the runtime interface client.
import { loadModel } from './load-model.ts';

// Where an environment is sent several invocations at once, as on Lambda Managed Instances, the client runs the function in
// threads, and each of those runs this file as well. Whoever has no threads need not wait to be told so.
const hasThreads = process.env.AWS_LAMBDA_MAX_CONCURRENCY !== undefined;
const needsModel = process.env._HANDLER !== 'batch-files.handler';
if (needsModel && !(hasThreads && (await import('node:worker_threads')).isMainThread))
  void loadModel(process.env);
