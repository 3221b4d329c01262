import { DomainError } from '@gopher/machine';

export class TooManyReadersError extends DomainError {
  readonly code = 'too-many-readers';
  readonly kind = 'unavailable';
  constructor(most: number) {
    super(`${most} readers follow this edge already; close one, or come back later`);
  }
}

export class EdgeEndingError extends DomainError {
  readonly code = 'edge-ending';
  readonly kind = 'unavailable';
  constructor() {
    super('gopher-server is ending; come back in a moment');
  }
}
