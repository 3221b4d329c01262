import { applyDecorators, SetMetadata } from '@nestjs/common';
import { ApiSecurity } from '@nestjs/swagger';

export const PUBLIC = 'gopher:public';

/** Open without a credential. */
export const Public = () => applyDecorators(SetMetadata(PUBLIC, true), ApiSecurity({}));
