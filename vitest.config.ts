import { defaultServerConditions } from 'vite';
import { defineConfig } from 'vitest/config';

/** Unit and medium tests run on the sources, so that no stale build can hide a mistake. */
const conditions = ['gopher-source', ...defaultServerConditions];

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: {
    globals: true,
    testTimeout: 30_000,
    hookTimeout: 120_000,
    projects: [
      { extends: true, test: { name: 'unit', include: ['{apps,libs}/*/src/**/*.spec.ts'] } },
      {
        extends: true,
        test: {
          name: 'medium',
          include: ['{apps,libs}/*/test/**/*.medium-spec.ts'],
          globalSetup: ['apps/gopher-server/test/postgres.global-setup.ts'],
          testTimeout: 60_000,
        },
      },
      {
        extends: true,
        test: {
          name: 'e2e',
          include: ['apps/*/test/**/*.e2e-spec.ts'],
          fileParallelism: false,
          testTimeout: 120_000,
          hookTimeout: 180_000,
        },
      },
      {
        extends: true,
        test: {
          name: 'long',
          include: ['{apps,libs}/*/test/**/*.long-spec.ts'],
          fileParallelism: false,
          testTimeout: 900_000,
          hookTimeout: 900_000,
        },
      },
    ],
  },
});
