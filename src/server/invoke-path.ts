// The path of invocations, on the front's port and on the private socket.

/** The emulator, and so the front, takes invocations on it. On the private socket it admits them (admission.ts). */
export const invokePath = '/2015-03-31/functions/function/invocations';

/** The header of an admission with the name by which the caller's tokens are counted. */
export const callerHeader = 'x-caller';
