// npm run deploy: checks what deploying takes, builds the images, shows what will change, deploys, and asks for a completion.
import { createCommand, runCommand } from './command-line.ts';
import { deployStack } from './deploy-stack.ts';

const command = createCommand('npm run deploy --', 'Deploy to AWS, with the SAM CLI and Docker.')
  .option(
    '--parameter <Key=Value...>',
    'values for parameters of infra/template.yaml, over those in infra/environments',
  )
  .option('--yes', 'agree to the changes unseen');

await runCommand(command, deployStack);
