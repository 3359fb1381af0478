// A log of JSON lines, written by Powertools.
import { Logger } from '@aws-lambda-powertools/logger';
import type { Log } from '../log.ts';
import type { InvocationIdentity } from '../report.ts';

/** Creates the log for lines that belong to no invocation. */
export function createEnvironmentLog(serviceName: string): Log {
  // Powertools samples at random when a logger is created, and a snapshot would copy the result.
  const logger = new Logger({ serviceName, sampleRateValue: 0 });
  return toLog(() => logger);
}

/**
 * Creates the log of one invocation. Its first line creates its own logger. Powertools' shared logger finds
 * the invocation by async context, and a stream may write in the context of another invocation.
 */
export function createInvocationLog(serviceName: string, invocation: InvocationIdentity): Log {
  let logger: Logger | undefined;
  return toLog(() => {
    logger ??= new Logger({ serviceName, persistentKeys: toKeys(invocation) });
    return logger;
  });
}

function toLog(logger: () => Logger): Log {
  return {
    debug: (message) => logger().debug(message),
    info: (message, fields = {}) => logger().info(message, fields),
    warn: (message) => logger().warn(message),
    error: (failure) =>
      logger().error('An unexpected failure.', failure instanceof Error ? failure : String(failure)),
  };
}

/** The keys that Powertools itself gives to these facts. */
function toKeys({ id, lambda, coldStart }: InvocationIdentity) {
  return {
    cold_start: coldStart,
    ...(lambda && {
      function_arn: lambda.arn,
      function_memory_size: lambda.memory,
      function_name: lambda.name,
    }),
    function_request_id: id,
  };
}
