import { DomainError } from '@gopher/machine';

export const NOTHING_TO_SPEAK = 'must be null for a UDP tunnel, of which nothing can be asked';

export class TunnelNotFoundError extends DomainError {
  readonly code = 'tunnel-not-found';
  readonly kind = 'not-found';
  constructor(id: string) {
    super(`No tunnel with id ${id}`);
  }
}

export class TunnelChangedError extends DomainError {
  readonly code = 'tunnel-changed';
  readonly kind = 'changed';
  constructor(id: string) {
    super(`Tunnel ${id} was changed since it was read; read it again, then repeat`);
  }
}

export class PortTakenError extends DomainError {
  readonly code = 'port-taken';
  readonly kind = 'conflict';
  /** Which port, and who has it. */
  readonly what: string;
  constructor(port: number, protocol: string, why: string) {
    super(
      `port: ${protocol} port ${port} can not be had, it is taken ${why}; name another, or none`,
    );
    this.what = `${protocol} port ${port}, which is taken ${why}`;
  }
}

export class PortReservedError extends DomainError {
  readonly code = 'port-reserved';
  readonly kind = 'conflict';
  constructor(port: number, owner: string) {
    super(`port: ${port} is reserved for ${owner}; name another, or none`);
  }
}

export class AddressUnusableError extends DomainError {
  readonly code = 'address-unusable';
  readonly kind = 'conflict';
  constructor(address: string, why: string) {
    super(
      `bindAddress: nothing can listen on ${address}, ${why}; name an address that the edge has`,
    );
  }
}

/** A tunnel that was there once can not come back. */
export class TunnelNotRestorableError extends DomainError {
  readonly code = 'tunnel-not-restorable';
  readonly kind = 'conflict';
  constructor(
    readonly tunnelId: string,
    cause: unknown,
  ) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    super(`Tunnel ${tunnelId} can not come back, and nothing was changed. ${reason}`, { cause });
  }
}

export class FoundServiceNotFoundError extends DomainError {
  readonly code = 'found-service-not-found';
  readonly kind = 'not-found';
  constructor(machineId: string, name: string) {
    super(
      `The agent of machine ${machineId} does not report that it found a service "${name}"; ` +
        "rathole.found in the machine's status says what it did",
    );
  }
}

export class FoundServiceUnusableError extends DomainError {
  readonly code = 'found-service-unusable';
  readonly kind = 'conflict';
  constructor(name: string, target: string) {
    super(
      `The service "${name}" leads to ${JSON.stringify(target)}, which is no host:port; ` +
        'create a tunnel with the target that is meant',
    );
  }
}

export class NothingToSpeakError extends DomainError {
  readonly code = 'nothing-to-speak';
  readonly kind = 'invalid';
  constructor() {
    super(`speaks: ${NOTHING_TO_SPEAK}`);
  }
}

export class NoFreePortError extends DomainError {
  readonly code = 'no-free-port';
  readonly kind = 'conflict';
  constructor(from: number, to: number) {
    super(`No port of ${from}-${to} is free; remove what is not needed, or widen the range`);
  }
}

export class TargetReservedError extends DomainError {
  readonly code = 'target-reserved';
  readonly kind = 'conflict';
  constructor(target: string) {
    super(`target: ${target} is the agent itself, which is never published`);
  }
}
