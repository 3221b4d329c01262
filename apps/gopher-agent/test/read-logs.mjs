// Follows all logs of an agent until it is killed, and says so once it has begun.
import { Client, credentials } from '@grpc/grpc-js';
import { AgentService } from '../../../libs/proto/dist/index.js';

const { port, machineId, ca, key, certificate } = JSON.parse(process.argv[2]);
const tls = credentials.createSsl(Buffer.from(ca), Buffer.from(key), Buffer.from(certificate));
const client = new Client(`127.0.0.1:${port}`, tls, {
  'grpc.ssl_target_name_override': `${machineId}.machine.gopher.internal`,
});
const { path, requestSerialize, responseDeserialize } = AgentService.getLogs;
const request = {
  source: 0,
  tail: 10,
  follow: true,
  since: undefined,
  leastLevel: 0,
  contains: '',
};
const stream = client.makeServerStreamRequest(path, requestSerialize, responseDeserialize, request);
stream.on('data', ({ caughtUp }) => caughtUp && process.stdout.write('follows\n'));
