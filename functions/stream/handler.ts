// The Lambda function `stream`, for a Function URL whose InvokeMode is RESPONSE_STREAM.
import { loadService } from '../shared/load-service.ts';
import { definePipeline } from './pipeline.ts';

export const handler = definePipeline(await loadService(process.env));
