import { SetMetadata } from '@nestjs/common';

export const PUBLIC = 'gopher:public';

/** Open without a credential. */
export const Public = () => SetMetadata(PUBLIC, true);
