import { DomainError } from '@gopher/machine';

/** What was asked for is kept, and brought about as soon as the file can be written. */
export class EdgeFileUnwritableError extends DomainError {
  readonly code = 'edge-file-unwritable';
  readonly kind = 'unavailable';
  constructor(path: string, cause: unknown) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    super(
      `The change is kept, but does not take effect yet: ${path} can not be written (${reason}). ` +
        'Free space or correct its permissions; it is tried again every 15 s',
      { cause },
    );
  }
}
