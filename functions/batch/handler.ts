// The Lambda function `batch`.
import { loadModel } from '../../src/startup/load-model.ts';

// The model loads while the rest of the function is imported.
void loadModel(process.env);
const { definePipeline } = await import('../../src/batch/pipeline.ts');
const { readBatchResources } = await import('../../src/batch/resources.ts');
const { loadService } = await import('../../src/startup/load-service.ts');

export const handler = definePipeline(await loadService(process.env), readBatchResources(process.env));
