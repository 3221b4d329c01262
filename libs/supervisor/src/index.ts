export * from './process.errors.js';
export { ProcessSupervisor, type ProcessSupervisorOptions } from './process-supervisor.js';
export * from './supervisor.js';
export type { SupervisorLog } from './supervisor-log.js';
export { InstanceLock, InstanceLockedError, type LockHolder } from './instance-lock.js';
export { type StreamedCommand, streamCommand } from './stream-command.js';
export { CommandFailedError, runCommand } from './run-command.js';
