// The endpoints in llama-server's own format, loaded by their first request.
import { completeNatively, infill as fillGap } from './native-completions.ts';
import { infillSchema, nativeCompletionSchema } from './native-request.ts';

export const completion = { schema: nativeCompletionSchema, answer: completeNatively };

export const infill = { schema: infillSchema, answer: fillGap };
