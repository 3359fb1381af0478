// npm run destroy: lists the resources of an environment, asks for confirmation, and deletes them with batches and images.
import { createCommand, runCommand } from './command-line.ts';
import { destroyStack } from './destroy-stack.ts';

const command = createCommand('npm run destroy --', 'Delete a deployed environment from AWS.').option(
  '--yes',
  'delete without asking for confirmation',
);

await runCommand(command, destroyStack);
