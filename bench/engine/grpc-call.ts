import {
  Client,
  credentials,
  type handleUnaryCall,
  type MethodDefinition,
  Server,
  ServerCredentials,
} from '@grpc/grpc-js';
import { MORE_THAN_DIRECT_MS } from '../support/comparison.js';
import type { Rig } from './rig.js';

/** A call takes up to 45 ms through the released one. */
const CALLS = 300;
const MESSAGE = Buffer.alloc(64, 'gopher');
const CALL_MS = 5_000;

const SAY: MethodDefinition<Buffer, Buffer> = {
  path: '/bench.Echo/Say',
  requestStream: false,
  responseStream: false,
  requestSerialize: (message) => message,
  requestDeserialize: (message) => message,
  responseSerialize: (message) => message,
  responseDeserialize: (message) => message,
};

/** A unary call that gives back what it got. */
export async function grpcCall(rig: Rig): Promise<void> {
  rig.scene.note('gRPC calls');
  const target = `127.0.0.1:${rig.port()}`;
  const server = await rig.scene.own(
    () => listen(target),
    (server) => server.forceShutdown(),
  );
  await rig.compare({ target }, async (comparison) => {
    const ms = await comparison.talk(CALLS, connect, call);
    comparison.reportLatency('gRPC call', ms, { moreThanDirectMs: MORE_THAN_DIRECT_MS });
  });
  server.forceShutdown();
}

async function listen(address: string): Promise<Server> {
  const server = new Server();
  const echo = (({ request }, answer) => answer(null, request)) as handleUnaryCall<Buffer, Buffer>;
  server.addService({ say: SAY }, { say: echo });
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.bindAsync(address, ServerCredentials.createInsecure(), (error) =>
    error ? reject(error) : resolve(),
  );
  await promise;
  return server;
}

function connect(address: string): Client {
  // Otherwise clients of one address share a connection.
  return new Client(address, credentials.createInsecure(), { 'grpc.use_local_subchannel_pool': 1 });
}

/** @returns ms */
function call(client: Client): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const began = performance.now();
  client.makeUnaryRequest(
    SAY.path,
    SAY.requestSerialize,
    SAY.responseDeserialize,
    MESSAGE,
    { deadline: Date.now() + CALL_MS },
    (error) => (error ? reject(error) : resolve(performance.now() - began)),
  );
  return promise;
}
