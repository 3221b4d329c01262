export { type Check, CHECK_LEGS, type CheckLeg, type Outcome, OUTCOMES } from './check.js';
