import { DomainError } from '@gopher/machine';

const NEW_TOKEN = 'make a new one with POST /api/v1/machines/{id}/join-tokens';

export class TokenRefusedError extends DomainError {
  readonly kind = 'refused';
  private constructor(
    readonly code: string,
    message: string,
  ) {
    super(message);
  }

  static unknown(): TokenRefusedError {
    return new TokenRefusedError(
      'token-unknown',
      `This token was never handed out, or is damaged; paste it again, or ${NEW_TOKEN}`,
    );
  }

  static expired(): TokenRefusedError {
    return new TokenRefusedError('token-expired', `This token has expired; ${NEW_TOKEN}`);
  }

  static used(): TokenRefusedError {
    return new TokenRefusedError('token-used', `This token was used already; ${NEW_TOKEN}`);
  }

  static reserved(): TokenRefusedError {
    return new TokenRefusedError(
      'token-reserved',
      'This token is reserved for another key: it was used elsewhere within the last 10 minutes. ' +
        `Run it there again, wait, or ${NEW_TOKEN}`,
    );
  }
}

export class CertificateRequestInvalidError extends DomainError {
  readonly code = 'certificate-request-invalid';
  readonly kind = 'invalid';
  constructor(reason: string, options?: ErrorOptions) {
    super(`csrPem: ${reason}`, options);
  }
}
