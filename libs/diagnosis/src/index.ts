export { type Application, APPLICATIONS } from './application.js';
export { causeOf, ordered, outcomeOf } from './cause.js';
export {
  type Check,
  CHECK_LEGS,
  CHECK_UNITS,
  type CheckLeg,
  type Measured,
  type Outcome,
  OUTCOMES,
} from './check.js';
export { CHECK_IDS, CHECKS, type CheckId, type CheckSide, legOf } from './check-ids.js';
export { type Details, failed, ms, passed, skipped, warned } from './finding.js';
export { checkRatholeBuild } from './rathole-build.js';
export {
  checkDisk,
  checkInodes,
  checkMemory,
  DISK_FAILS_BELOW_BYTES,
  DISK_WARNS_BELOW_RATIO,
  type FileSystem,
  INODES_FAIL_BELOW,
  INODES_WARN_BELOW_RATIO,
  type Memory,
  MEMORY_FAILS_BELOW_RATIO,
  MEMORY_WARNS_BELOW_RATIO,
} from './resources.js';
export { type Visit, visit, type VisitOptions } from './visit.js';
