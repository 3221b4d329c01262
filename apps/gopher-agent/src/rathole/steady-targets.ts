import { parseHostPort, type RatholeClientService } from '@gopher/rathole';
import { idleListeners, isOwnAddress } from '../host/listening-ports.js';
import { checkTargets, type Declared, foundWell, type TargetFinding } from './target-check.js';

/**
 * Checks targets again and again, and bothers no service by it. One of this machine that accepted a
 * connection, and that is not declared to speak something, accepts for as long as the same sockets
 * listen on its port; one on another machine is connected to each time.
 */
export class SteadyTargets {
  /** By target, the sockets that listened on its port before it accepted. */
  private readonly accepted = new Map<string, string>();

  /** As `checkTargets`; `connectMs` is 0 of one that was not connected to. */
  async check(
    services: readonly RatholeClientService[],
    declared: Declared,
  ): Promise<TargetFinding[]> {
    const listeners = idleListeners();
    this.forgetChanged(listeners);
    const isSteady = ({ name, type, localAddr }: RatholeClientService) =>
      type === 'tcp' && !declared.has(name) && this.accepted.has(localAddr);
    const findings = await checkTargets(
      services.filter((service) => !isSteady(service)),
      declared,
    );
    for (const { target, accepts } of findings) if (accepts) this.remember(target, listeners);
    return [...services.filter(isSteady).map(foundWell), ...findings];
  }

  private forgetChanged(listeners: ReadonlyMap<number, string>): void {
    for (const [target, sockets] of this.accepted) {
      if (this.socketsOf(target, listeners) !== sockets) this.accepted.delete(target);
    }
  }

  private remember(target: string, listeners: ReadonlyMap<number, string>): void {
    const sockets = this.socketsOf(target, listeners);
    if (sockets !== undefined) this.accepted.set(target, sockets);
  }

  /** undefined: it is not on this machine, or is reached in another way than by a socket here. */
  private socketsOf(target: string, listeners: ReadonlyMap<number, string>): string | undefined {
    const address = parseHostPort(target);
    if (!address || !isOwnAddress(address.host)) return undefined;
    return listeners.get(address.port);
  }
}
