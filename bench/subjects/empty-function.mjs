// A Lambda function that does nothing: the baseline for the cost of an invocation.
export const handler = async () => ({});
