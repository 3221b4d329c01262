import { applyDecorators, SetMetadata } from '@nestjs/common';
import { ApiSecurity } from '@nestjs/swagger';

export const PUBLIC = 'gopher:public';
/** A token that the operation itself checks. */
export const ONE_TIME_TOKEN = 'oneTimeToken';

/** Open without the token of the API. @param scheme the credential that it asks for instead */
export const Public = (scheme?: typeof ONE_TIME_TOKEN) =>
  applyDecorators(SetMetadata(PUBLIC, true), scheme ? ApiSecurity(scheme) : ApiSecurity({}));
