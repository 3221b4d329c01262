export { type Application, APPLICATIONS } from './application.js';
export { type Check, CHECK_LEGS, type CheckLeg, type Outcome, OUTCOMES } from './check.js';
export { type Visit, visit, type VisitOptions } from './visit.js';
