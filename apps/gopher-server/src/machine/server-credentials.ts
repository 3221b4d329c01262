import { Injectable } from '@nestjs/common';
import { generatePrivateKey, renewalDueAt } from '@gopher/identity';
import { EdgeIdentity } from '../edge/edge-identity.js';

export interface ServerKeyPair {
  privateKeyPem: string;
  certificatePem: string;
}

/** With what gopher-server calls agents. Never stored: the CA is at hand, so each start makes one. */
@Injectable()
export class ServerCredentials {
  private current: Promise<ServerKeyPair> | null = null;
  private dueAt = new Date(0);

  constructor(private readonly edge: EdgeIdentity) {}

  /** Another object than before when it was renewed. */
  get(): Promise<ServerKeyPair> {
    if (!this.current || this.dueAt <= new Date()) this.current = this.make();
    return this.current;
  }

  private async make(): Promise<ServerKeyPair> {
    // Until it is known, no second one is made.
    this.dueAt = new Date(8.64e15);
    const privateKeyPem = generatePrivateKey();
    const certificatePem = await this.edge.ca.issueServer(privateKeyPem);
    this.dueAt = renewalDueAt(certificatePem);
    return { privateKeyPem, certificatePem };
  }
}
