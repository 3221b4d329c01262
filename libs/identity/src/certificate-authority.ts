import 'reflect-metadata';
import { randomBytes } from 'node:crypto';
import * as x509 from '@peculiar/x509';
import {
  generatePrivateKey,
  importKeyPair,
  KEY_ALGORITHM,
  verifyCertificateRequest,
} from './certificate-request.js';
import { certificateSha256 } from './certificate.js';
import { machineName, SERVER_NAME } from './names.js';

const DAY_MS = 86_400_000;
const CA_LIFE_MS = 20 * 365 * DAY_MS;
/** A clock that is a little behind must not refuse a fresh certificate. */
const BACKDATE_MS = 5 * 60_000;

export const LEAF_LIFE_MS = 90 * DAY_MS;

export interface Validity {
  notBefore: Date;
  notAfter: Date;
}

/** The edge's own CA. It signs two kinds of certificate, which cannot stand in for each other. */
export class CertificateAuthority {
  private constructor(
    readonly certificatePem: string,
    readonly privateKeyPem: string,
  ) {}

  static async create(edgeName: string): Promise<CertificateAuthority> {
    const privateKeyPem = generatePrivateKey();
    const keys = await importKeyPair(privateKeyPem);
    const certificate = await x509.X509CertificateGenerator.createSelfSigned({
      serialNumber: serialNumber(),
      name: [{ CN: [`Gopher CA of ${edgeName}`] }],
      keys,
      signingAlgorithm: KEY_ALGORITHM,
      notBefore: new Date(Date.now() - BACKDATE_MS),
      notAfter: new Date(Date.now() + CA_LIFE_MS),
      extensions: [
        new x509.BasicConstraintsExtension(true, 0, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign, true),
        await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
      ],
    });
    return new CertificateAuthority(certificate.toString('pem'), privateKeyPem);
  }

  static load(certificatePem: string, privateKeyPem: string): CertificateAuthority {
    return new CertificateAuthority(certificatePem, privateKeyPem);
  }

  /** SHA-256 over the DER of the CA's certificate, lower-case hex: what a join command pins. */
  get fingerprint(): string {
    return certificateSha256(this.certificatePem);
  }

  /** A certificate with which gopher-server calls agents; good for nothing else. */
  async issueServer(privateKeyPem: string, validity: Validity = leafValidity()): Promise<string> {
    const { publicKey } = await importKeyPair(privateKeyPem);
    return this.sign(publicKey, SERVER_NAME, x509.ExtendedKeyUsage.clientAuth, validity);
  }

  /**
   * A certificate with which the agent of one machine answers; good for nothing else.
   * @throws InvalidCertificateRequestError
   */
  async issueMachine(
    csrPem: string,
    machineId: string,
    validity: Validity = leafValidity(),
  ): Promise<string> {
    const { publicKey } = await verifyCertificateRequest(csrPem);
    return this.sign(publicKey, machineName(machineId), x509.ExtendedKeyUsage.serverAuth, validity);
  }

  private async sign(
    publicKey: x509.PublicKeyType,
    dnsName: string,
    usage: x509.ExtendedKeyUsage,
    validity: Validity,
  ): Promise<string> {
    const { privateKey } = await importKeyPair(this.privateKeyPem);
    const issuer = new x509.X509Certificate(this.certificatePem);
    const certificate = await x509.X509CertificateGenerator.create({
      serialNumber: serialNumber(),
      issuer: issuer.subjectName,
      subject: [{ CN: [dnsName] }],
      publicKey,
      signingKey: privateKey,
      signingAlgorithm: KEY_ALGORITHM,
      ...validity,
      extensions: [
        new x509.BasicConstraintsExtension(false, undefined, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
        new x509.ExtendedKeyUsageExtension([usage], true),
        new x509.SubjectAlternativeNameExtension([{ type: 'dns', value: dnsName }]),
        await x509.AuthorityKeyIdentifierExtension.create(issuer),
      ],
    });
    return certificate.toString('pem');
  }
}

function leafValidity(): Validity {
  const now = Date.now();
  return { notBefore: new Date(now - BACKDATE_MS), notAfter: new Date(now + LEAF_LIFE_MS) };
}

/** 127 random bits: positive in DER whatever the first byte is. */
function serialNumber(): string {
  const bytes = randomBytes(16);
  bytes[0] = (bytes[0] ?? 0) & 0x7f;
  return bytes.toString('hex');
}
