// A worker thread that compiles one grammar and ends.
import { parentPort, workerData } from 'node:worker_threads';
import type { Grammar } from '../../engine/engine.ts';
import { type ErrorCode, RequestError } from '../../errors/request-error.ts';
import { compileJob, type GrammarJob } from './grammar-job.ts';

export type WorkerAnswer =
  | { readonly grammar: Grammar | undefined }
  | {
      readonly error: { readonly code: ErrorCode; readonly message: string; readonly param: string | null };
    };

parentPort?.postMessage(answer(workerData as string));

function answer(job: string): WorkerAnswer {
  try {
    return { grammar: compileJob(JSON.parse(job) as GrammarJob) };
  } catch (error) {
    if (!(error instanceof RequestError)) throw error;
    const { code, message, param } = error;
    return { error: { code, message, param } };
  }
}
