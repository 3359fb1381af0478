// npm run deploy: checks the prerequisites, builds the images, shows the changes, deploys, and requests a completion.
import { createCommand, runCommand } from './command-line.ts';
import { deployStack } from './deploy-stack.ts';

const command = createCommand('npm run deploy --', 'Deploy to AWS with the SAM CLI and Docker.')
  .option('--parameter <Key=Value...>', 'template parameters; they override infra/environments')
  .option('--yes', 'deploy without asking for confirmation');

await runCommand(command, deployStack);
