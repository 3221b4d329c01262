import type { Provider, Type } from '@nestjs/common';

/** What the application takes of one feature, for the composition root to put together. */
export interface FeatureParts {
  controllers: Type[];
  providers: Provider[];
}
