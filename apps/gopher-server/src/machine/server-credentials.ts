import { createSecureContext, type SecureContext } from 'node:tls';
import { Injectable } from '@nestjs/common';
import { generatePrivateKey, renewalDueAt } from '@gopher/identity';
import { EdgeIdentity } from '../edge/edge-identity.js';

/**
 * With what gopher-server calls agents: one key and certificate for all connections, and the CA that
 * theirs come from. Never stored: the CA is at hand, so each start makes one.
 */
@Injectable()
export class ServerCredentials {
  private current: Promise<SecureContext> | null = null;
  private dueAt = new Date(0);

  constructor(private readonly edge: EdgeIdentity) {}

  /** Another object than before when it was renewed. */
  get(): Promise<SecureContext> {
    if (!this.current || this.dueAt <= new Date()) this.current = this.make();
    return this.current;
  }

  private async make(): Promise<SecureContext> {
    // Until it is known, no second one is made.
    this.dueAt = new Date(8.64e15);
    const { ca } = this.edge;
    const key = generatePrivateKey();
    const cert = await ca.issueServer(key);
    this.dueAt = renewalDueAt(cert);
    return createSecureContext({ ca: ca.certificatePem, key, cert });
  }
}
