import { z } from 'zod';

const MAX_TOML_CHARS = 1024 * 1024;
const sha256 = z.string().regex(/^[0-9a-f]{64}$/, 'is not SHA-256 in lower-case hex');

export const updateRatholeConfig = z.object({
  revision: z.bigint().positive(),
  toml: z.string().min(1).max(MAX_TOML_CHARS),
  sha256,
  confirmWithinSeconds: z.int().nonnegative().max(600),
});

export const confirmRatholeConfig = z.object({ revision: z.bigint().positive(), sha256 });

export const updateControlConfig = z.object({
  toml: z.string().min(1).max(MAX_TOML_CHARS),
  sha256,
  confirmWithinSeconds: z.int().positive().max(600),
});

export const confirmControlConfig = z.object({ sha256 });

export const restartRathole = z.object({ reason: z.string().max(1_000) });

export const installCertificate = z.object({
  certificatePem: z.string().min(1).max(16_384),
  confirmWithinSeconds: z.int().positive(),
});

export const confirmCertificate = z.object({ sha256 });
