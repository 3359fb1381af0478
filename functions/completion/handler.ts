// The Lambda function `completion`.
import { loadService } from '../shared/load-service.ts';
import { definePipeline } from './pipeline.ts';

export const handler = definePipeline(await loadService(process.env));
