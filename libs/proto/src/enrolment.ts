import { z } from 'zod';

/** `POST /api/v1/enrolments`: how a machine gains its agent. The one exchange that is not gRPC. */
export const enrolmentRequest = z
  .strictObject({
    /** The one-time join token of the machine. */
    token: z.string().min(1).max(200),
    /** PKCS #10, PEM; the key in it is what the token gets reserved for. */
    csrPem: z.string().min(1).max(4_096),
    agentVersion: z.string().min(1).max(64),
    protocolVersion: z.int().min(1).max(1_000_000),
    hostname: z.string().min(1).max(255),
    /** Where the agent answers on its machine's loopback: the target of the back-channel. */
    agentPort: z.int().min(1).max(65_535),
    /** Where the agent echoes on its machine's loopback: the target of the data check. */
    checkPort: z.int().min(1).max(65_535),
  })
  .meta({ id: 'EnrolmentRequest' });
export type EnrolmentRequest = z.output<typeof enrolmentRequest>;

export const enrolmentResponse = z
  .object({
    machineId: z.uuid(),
    machineName: z.string(),
    /** The agent's certificate, PEM. */
    certificatePem: z.string(),
    /** The certificate of the edge's CA, PEM; the agent compares it with what it was told to pin. */
    caPem: z.string(),
    /** The whole configuration of the control client, TOML. */
    controlToml: z.string(),
    /** The configuration that the data client begins with. */
    data: z.object({ revision: z.int().min(0), toml: z.string(), sha256: z.string() }),
  })
  .meta({ id: 'Enrolment' });
export type EnrolmentResponse = z.output<typeof enrolmentResponse>;
