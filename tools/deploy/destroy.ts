// npm run destroy: says what there is of an environment on AWS, asks, and deletes it, with the batches and the images.
import { createCommand, runCommand } from './command-line.ts';
import { destroyStack } from './destroy-stack.ts';

const command = createCommand('npm run destroy --', 'Delete from AWS what was deployed.').option(
  '--yes',
  'agree to the deletion unseen',
);

await runCommand(command, destroyStack);
