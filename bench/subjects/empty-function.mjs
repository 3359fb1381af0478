// A Lambda function that does nothing: what an invocation costs by itself.
export const handler = async () => ({});
