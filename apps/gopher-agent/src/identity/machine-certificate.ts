import { createPrivateKey, createPublicKey, X509Certificate } from 'node:crypto';
import { dnsNames } from '@gopher/identity/certificate';
import { machineName } from '@gopher/identity/names';
import { CertificateRefusedError } from '../agent.errors.js';

const SERVER_AUTH = '1.3.6.1.5.5.7.3.1';

export interface Expected {
  keyPem: string;
  caPem: string;
  machineId: string;
}

/** @throws CertificateRefusedError unless it is this machine's, for this key, by this CA, today. */
export function checkMachineCertificate(certificatePem: string, expected: Expected): void {
  const certificate = parseCertificate(certificatePem, 'The certificate from the edge');
  const ca = parseCertificate(expected.caPem, "The edge's CA certificate");
  const own = createPublicKey(createPrivateKey(expected.keyPem));
  if (!certificate.publicKey.equals(own)) refuse('is not for the key of this machine');
  if (!ca.ca || !certificate.checkIssued(ca) || !certificate.verify(ca.publicKey)) {
    refuse("was not issued by the edge's CA");
  }
  const names = dnsNames(certificate.subjectAltName);
  const name = machineName(expected.machineId);
  if (names.length !== 1 || names[0] !== name) {
    refuse(`bears the name ${names.join(', ') || 'of nobody'} instead of ${name}`);
  }
  if (!certificate.keyUsage?.includes(SERVER_AUTH)) refuse('is not meant for an agent');
  checkValidity(certificate);
}

function checkValidity({ validFromDate, validToDate }: X509Certificate): void {
  const now = Date.now();
  if (now >= validFromDate.getTime() && now <= validToDate.getTime()) return;
  refuse(
    `is valid from ${validFromDate.toISOString()} to ${validToDate.toISOString()}, but the clock of this machine says ${new Date(now).toISOString()}`,
  );
}

export function parseCertificate(pem: string, what: string): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch (cause) {
    throw new CertificateRefusedError(`${what} is not a certificate in PEM`, { cause });
  }
}

function refuse(why: string): never {
  throw new CertificateRefusedError(`The certificate from the edge ${why}`);
}
