import { DomainError } from '@gopher/machine';

export interface RequestIssue {
  /** Where, as in `target`; of the whole, `body` or `query`. */
  path: string;
  message: string;
}

export class InvalidRequestError extends DomainError {
  readonly code = 'invalid-request';
  readonly kind = 'invalid';
  constructor(readonly issues: RequestIssue[]) {
    super(issues.map(({ path, message }) => (path ? `${path}: ${message}` : message)).join('; '));
  }
}
