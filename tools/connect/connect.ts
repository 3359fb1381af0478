// npm run connect: a port of this machine that passes requests on to a private Function URL, signed.
import { createCommand, runCommand } from '../deploy/command-line.ts';
import { connectPort } from './connect-port.ts';

const command = createCommand(
  'npm run connect --',
  'Pass requests of this machine on to the Function URL of a stack, signed with your AWS credentials.',
)
  .option('--url <url>', 'Function URL (default: that of the stack of the environment)')
  .option('--port <number>', 'port to listen on', '8000')
  .option('--host <address>', 'address to listen on; others than loopback serve other machines', '127.0.0.1');

await runCommand(command, connectPort);
