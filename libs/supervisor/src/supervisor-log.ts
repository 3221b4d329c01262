/** Where a supervisor says what nobody waits for. Nest's logger fits. */
export interface SupervisorLog {
  log(message: string): void;
  warn(message: string): void;
}
