// The parts of the front that listen and answer, as one import: the emulator has started before they are read.
export { nameCaller, requestAdmission } from './admission.ts';
export { HeldBodies } from './event-body.ts';
export { HealthCheck } from './health-check.ts';
export { InvocationQueue } from './invocation-queue.ts';
export { passThrough } from './pass-through.ts';
export { createFrontServer, explain } from './server.ts';
