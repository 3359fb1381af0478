// What infra/entry.sh has Node run before the runtime interface client.
import { loadModel } from './load-model.ts';

void loadModel(process.env);
