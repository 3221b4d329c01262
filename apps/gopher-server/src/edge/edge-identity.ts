import { v7 as uuidv7 } from 'uuid';
import type { DataSource } from 'typeorm';
import { CertificateAuthority } from '@gopher/identity';
import { EdgeId } from '@gopher/machine';
import { generateNoiseKeyPair } from '@gopher/rathole';
import type { SecretBox } from '../secret/secret-box.js';
import type { StateDirectory } from '../state/state-directory.js';
import { Edge } from './edge.entity.js';

/** Who this edge is: its id, its CA and the key of its rathole server. Made at first start. */
export class EdgeIdentity extends EdgeId {
  private constructor(
    readonly value: string,
    readonly name: string,
    readonly ca: CertificateAuthority,
    readonly noisePublicKey: string,
    readonly noisePrivateKey: string,
  ) {
    super();
  }

  /** @throws SealedWithAnotherKeyError */
  static async open(
    database: DataSource,
    state: StateDirectory,
    box: SecretBox,
    name: string,
  ): Promise<EdgeIdentity> {
    const id = (await state.readOrCreate('edge.id', () => `${uuidv7()}\n`)).trim();
    const edges = database.getRepository(Edge);
    const edge =
      (await edges.findOneBy({ id })) ?? (await edges.save(await newEdge(id, name, box)));
    return new EdgeIdentity(
      edge.id,
      edge.name,
      CertificateAuthority.load(edge.caCertificate, box.open(edge.caKeySealed)),
      edge.noisePublicKey,
      box.open(edge.noiseKeySealed),
    );
  }
}

async function newEdge(id: string, name: string, box: SecretBox): Promise<Partial<Edge>> {
  const ca = await CertificateAuthority.create(name);
  const noise = generateNoiseKeyPair();
  return {
    id,
    name,
    caCertificate: ca.certificatePem,
    caKeySealed: box.seal(ca.privateKeyPem),
    noisePublicKey: noise.publicKey,
    noiseKeySealed: box.seal(noise.privateKey),
  };
}
