import { z } from 'zod';

/** PostgreSQL knows an id in capitals for the same; what is kept in memory would not. */
export const resourceId = z.uuid().toLowerCase();
