import { Client, credentials, Metadata, Server, ServerCredentials, status } from '@grpc/grpc-js';
import { BinaryWriter } from '@bufbuild/protobuf/wire';
import {
  AgentService,
  ConfigState,
  GetStatusResponse,
  PROTOCOL_VERSION,
  RatholeClientState,
} from './index.js';

const { getStatus, confirmRatholeConfig } = AgentService;

/** As a later release may send it: a higher version, a state and fields that nobody knows yet. */
function fromLaterRelease(): Buffer {
  const config = new BinaryWriter()
    .uint32(8)
    .uint64(7)
    .uint32(24)
    .int32(99)
    .uint32(8_002)
    .string('new');
  const machine = new BinaryWriter()
    .uint32(8)
    .uint32(PROTOCOL_VERSION + 1)
    .uint32(26)
    .string('machine-1')
    .uint32(82)
    .bytes(config.finish())
    .uint32(8_002)
    .string('of a field that came later');
  return Buffer.from(new BinaryWriter().uint32(10).bytes(machine.finish()).finish());
}

describe('the contract between releases', () => {
  let agent: Server;
  let client: Client;

  /** An agent that knows one call and no other, as one from before the others would. */
  beforeAll(async () => {
    agent = new Server();
    const raw = { ...getStatus, responseSerialize: (bytes: Buffer) => bytes };
    agent.addService(
      { getStatus: raw },
      {
        getStatus: (_: unknown, done: (error: null, bytes: Buffer) => void) =>
          done(null, fromLaterRelease()),
      },
    );
    const port = await new Promise<number>((resolve, reject) => {
      agent.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
        error ? reject(error) : resolve(bound),
      );
    });
    client = new Client(`127.0.0.1:${port}`, credentials.createInsecure());
  });
  afterAll(() => {
    client.close();
    agent.forceShutdown();
  });

  it('an agent of a later release is understood in what both know', async () => {
    const { path, requestSerialize, responseDeserialize } = getStatus;
    const response = await new Promise<GetStatusResponse | undefined>((resolve, reject) => {
      client.makeUnaryRequest(path, requestSerialize, responseDeserialize, {}, (error, answer) =>
        error ? reject(error) : resolve(answer),
      );
    });
    expect(response?.status).toMatchObject({
      protocolVersion: PROTOCOL_VERSION + 1,
      machineId: 'machine-1',
      config: { revision: 7n, state: 99 },
    });
    expect(ConfigState[response?.status?.config?.state ?? 0]).toBeUndefined();
  });

  it('a call that an earlier agent does not know is answered UNIMPLEMENTED', async () => {
    const { path, requestSerialize, responseDeserialize } = confirmRatholeConfig;
    const request = { revision: 1n, sha256: '' };
    const code = await new Promise((resolve) => {
      client.makeUnaryRequest(
        path,
        requestSerialize,
        responseDeserialize,
        request,
        new Metadata(),
        {},
        (error) => resolve(error?.code),
      );
    });
    expect(code).toBe(status.UNIMPLEMENTED);
  });

  it('what an earlier agent does not send has its default', () => {
    const empty = GetStatusResponse.decode(
      new BinaryWriter().uint32(10).bytes(new Uint8Array()).finish(),
    );
    expect(empty.status).toMatchObject({
      protocolVersion: 0,
      activeTunnels: 0,
      ratholeVersion: '',
    });
    expect(empty.status?.data?.state ?? RatholeClientState.UNSPECIFIED).toBe(0);
  });
});
