import 'reflect-metadata';
export { certificateSha256, dnsNames, publicKeySha256, renewalDueAt } from './certificate.js';
export { CertificateAuthority, LEAF_LIFE_MS, type Validity } from './certificate-authority.js';
export {
  createCertificateRequest,
  generatePrivateKey,
  InvalidCertificateRequestError,
  verifyCertificateRequest,
} from './certificate-request.js';
export { machineIdOf, machineName, SERVER_NAME } from './names.js';
