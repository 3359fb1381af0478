// The Lambda function `stream`, for a Function URL whose InvokeMode is RESPONSE_STREAM.
import { loadModel } from '../../src/startup/load-model.ts';

// The model loads while the rest of the function is imported.
void loadModel(process.env);
const { definePipeline } = await import('../../src/lambda/stream-pipeline.ts');
const { loadService } = await import('../../src/startup/load-service.ts');

export const handler = definePipeline(await loadService(process.env));
