import { DomainError } from '@gopher/machine';

export class RevisionNotFoundError extends DomainError {
  readonly code = 'revision-not-found';
  readonly kind = 'not-found';
  constructor(machineId: string, number: number) {
    super(`Machine ${machineId} has no revision ${number}; its revisions say which there are`);
  }
}

export class RevisionNotKeptError extends DomainError {
  readonly code = 'revision-not-kept';
  readonly kind = 'conflict';
  constructor(number: number) {
    super(
      `The content of revision ${number} is not known: it is from before revisions were kept. ` +
        'Choose a newer one',
    );
  }
}

export class RollbackNeedlessError extends DomainError {
  readonly code = 'rollback-needless';
  readonly kind = 'conflict';
  constructor(number: number) {
    super(
      `The machine's tunnels are what revision ${number} had; there is nothing to bring back. ` +
        'What is not of its tunnels comes from the settings of the edge',
    );
  }
}

export class RollbackBlockedError extends DomainError {
  readonly code = 'rollback-blocked';
  readonly kind = 'conflict';
  constructor(number: number, tunnelId: string, why: string, options: ErrorOptions) {
    super(
      `Revision ${number} can not be brought back, and nothing was changed: tunnel ${tunnelId} needs ` +
        `${why}. Free it, then repeat`,
      options,
    );
  }
}
