import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { MachineService } from '@gopher/machine';
import { SecretBox } from '../secret/secret-box.js';
import { PortLeases } from './port-leases.js';
import { Tunnel, type TunnelProtocol } from './tunnel.entity.js';
import { TunnelNotRestorableError } from './tunnel.errors.js';

/** A tunnel as it was. */
export interface RestoredTunnel {
  id: string;
  protocol: TunnelProtocol;
  target: string;
  bindAddress: string;
  port: number;
  /** Of its rathole service. */
  token: string;
}

const PENDING = { state: 'pending', leg: null, proof: null } as const;

/** Brings the tunnels of a machine back to what they were. */
@Injectable()
export class TunnelRestore {
  constructor(
    private readonly machines: MachineService,
    private readonly leases: PortLeases,
    private readonly box: SecretBox,
  ) {}

  /** Nobody changes or removes them until the transaction ends. */
  hold(tx: EntityManager, machineId: string): Promise<Tunnel[]> {
    return tx.find(Tunnel, {
      where: { machineId },
      order: { id: 'ASC' },
      lock: { mode: 'pessimistic_write' },
    });
  }

  /**
   * Those that are missing come back with their ports, others lead where they led, and what was not
   * there goes. @throws MachineNotFoundError, TunnelNotRestorableError
   */
  async bringBack(
    tx: EntityManager,
    machineId: string,
    { present, wanted }: { present: readonly Tunnel[]; wanted: readonly RestoredTunnel[] },
  ): Promise<void> {
    const { edgeId } = await this.machines.hold(machineId, tx);
    const ids = new Set(wanted.map(({ id }) => id));
    const doomed = present.filter(({ id }) => !ids.has(id));
    if (doomed.length > 0)
      await tx.delete(
        Tunnel,
        doomed.map(({ id }) => id),
      );
    const closing = new Set(doomed.map(portOf));
    for (const tunnel of wanted) {
      const known = present.find(({ id }) => id === tunnel.id);
      if (known) await this.retarget(tx, known, tunnel.target);
      else await this.create(tx, { ...tunnel, machineId, edgeId }, closing.has(portOf(tunnel)));
    }
  }

  private async retarget(tx: EntityManager, { id, target: was }: Tunnel, target: string) {
    if (target === was) return;
    const reason = 'Its target was brought back and has not been checked yet';
    const changes = { target, ...PENDING, reason, version: () => '"version" + 1' };
    await tx.update(Tunnel, { id }, changes);
  }

  /** @param isClosing rathole still listens on the port, for a tunnel that goes with this */
  private async create(
    tx: EntityManager,
    tunnel: RestoredTunnel & { machineId: string; edgeId: string },
    isClosing: boolean,
  ): Promise<void> {
    const { id, machineId, edgeId, protocol, target, bindAddress, port } = tunnel;
    const reason = 'It was brought back and has not been checked yet';
    const tokenSealed = this.box.seal(tunnel.token);
    await tx.insert(Tunnel, {
      id,
      edgeId,
      machineId,
      protocol,
      target,
      bindAddress,
      port,
      tokenSealed,
      ...PENDING,
      reason,
    });
    const request = { protocol, purpose: 'tunnel', machineId, tunnelId: id, bindAddress } as const;
    await this.leases.leaseNamed(tx, port, request, { isClosing }).catch((cause: unknown) => {
      throw new TunnelNotRestorableError(id, cause);
    });
  }
}

const portOf = ({ protocol, port }: Pick<Tunnel, 'protocol' | 'port'>) => `${protocol} ${port}`;
