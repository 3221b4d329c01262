export { type DiskUsage, Disks, realMounts } from './disks.js';
export {
  procCommand,
  processIds,
  procLink,
  procList,
  procOwner,
  procState,
  readProc,
} from './proc.js';
export { System, type SystemReading } from './system.js';
