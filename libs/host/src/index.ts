export { coreUsageBetween, type CpuTicks, usageBetween } from './cpu.js';
export { type DiskUsage, Disks } from './disks.js';
export { HostMeter, type HostReading } from './host-meter.js';
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
export {
  type ProcessReading,
  processUsageBetween,
  readProcess,
  readProcessFamily,
} from './process-usage.js';
export { System, type SystemReading } from './system.js';
export { type Temperature } from './temperatures.js';
