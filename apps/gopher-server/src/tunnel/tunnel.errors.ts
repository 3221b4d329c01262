import { DomainError } from '@gopher/machine';

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
  constructor(port: number, protocol: string, why: string) {
    super(
      `port: ${protocol} port ${port} can not be had, it is taken ${why}; name another, or none`,
    );
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
