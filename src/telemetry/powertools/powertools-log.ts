// The log as lines of JSON, by Powertools.
import { Logger } from '@aws-lambda-powertools/logger';
import type { Log } from '../log.ts';
import type { InvocationIdentity } from '../report.ts';

/** For what belongs to no invocation. */
export function createEnvironmentLog(serviceName: string): Log {
  // Whether lines are sampled is drawn, and what is drawn here would be kept in a snapshot.
  const logger = new Logger({ serviceName, sampleRateValue: 0 });
  return toLog(() => logger);
}

/**
 * A log of one invocation. It has a logger of its own, made by its first line, and not Powertools' shared one: that one finds
 * the invocation by where a line is written from, and a stream's lines may be written from another's events.
 */
export function createInvocationLog(serviceName: string, invocation: InvocationIdentity): Log {
  let made: Logger | undefined;
  return toLog(() => {
    made ??= new Logger({ serviceName, persistentKeys: toKeys(invocation) });
    return made;
  });
}

function toLog(logger: () => Logger): Log {
  return {
    info: (message, fields = {}) => logger().info(message, fields),
    warn: (message) => logger().warn(message),
    error: (failure) =>
      logger().error('An unexpected failure.', failure instanceof Error ? failure : String(failure)),
  };
}

/** As Powertools names them. */
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
