// The Lambda function `batch`.
import { loadModel } from '../shared/load-model.ts';

// While it loads, the rest of the function does.
void loadModel(process.env);
const { definePipeline } = await import('./pipeline.ts');
const { readBatchResources } = await import('./resources.ts');
const { loadService } = await import('../shared/load-service.ts');

export const handler = definePipeline(await loadService(process.env), readBatchResources(process.env));
