// A streaming function without a model: it tells what it was sent, in two pieces, or waits until its client leaves.
const { streamifyResponse, HttpResponseStream } = globalThis.awslambda;

export const handler = streamifyResponse(async (event, responseStream, context) => {
  if (event.rawPath === '/fail') throw new Error('broken on purpose');
  const response = HttpResponseStream.from(responseStream, {
    statusCode: 201,
    headers: { 'content-type': 'application/json', 'x-function': context.functionName },
  });
  if (event.rawPath === '/slow') {
    response.write('begun ');
    await new Promise((resolve) => {
      globalThis.finishSlowAnswer = resolve;
    });
    response.end('ended');
    return;
  }
  if (event.rawPath === '/stuck') {
    response.write('stuck');
    await new Promise(() => {});
  }
  if (event.rawPath === '/wait') {
    response.write('waiting');
    await new Promise((resolve) => context.clientLeft.addEventListener('abort', resolve));
    globalThis.fakeFunctionWasLeft = true;
    response.end();
    return;
  }
  response.write(JSON.stringify(event).slice(0, 10));
  response.end(JSON.stringify(event).slice(10));
});
