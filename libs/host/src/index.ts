export { type DiskUsage, Disks } from './disks.js';
export { HostMeter } from './host-meter.js';
export { KernelFiles } from './kernel-files.js';
export { type InterfaceCounters } from './network.js';
export {
  procCommand,
  processIds,
  procLink,
  procList,
  procOwner,
  procState,
  readProc,
} from './proc.js';
export { type ProcessReading, readProcess, readProcessFamily } from './process-usage.js';
export { type Measurement, type Shares, sharesBetween } from './shares.js';
export { System, type SystemReading } from './system.js';
