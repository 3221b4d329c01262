import { createHash } from 'node:crypto';
import { joinKeyFile } from '../identity/enrolment-record.js';
import type { StateDirectory } from '../state/state-directory.js';

export interface JoinCredentials {
  keyPem: string;
  csrPem: string;
}

/**
 * The key with which this token is presented. The edge reserves the token for the first key that
 * comes with it, so a run that is repeated must come with the same one.
 */
export async function joinCredentials(
  state: StateDirectory,
  token: string,
): Promise<JoinCredentials> {
  const { createCertificateRequest, generatePrivateKey } = await import('@gopher/identity');
  const tokenSha256 = createHash('sha256').update(token).digest('hex');
  const file = joinKeyFile(state);
  const known = await file.read().catch(() => null);
  if (known?.tokenSha256 === tokenSha256) {
    return { keyPem: known.keyPem, csrPem: await createCertificateRequest(known.keyPem) };
  }
  const keyPem = generatePrivateKey();
  await file.write({ tokenSha256, keyPem });
  return { keyPem, csrPem: await createCertificateRequest(keyPem) };
}
