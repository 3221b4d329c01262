import { attack } from './engine/attack.js';
import { coldStart } from './engine/cold-start.js';
import { grpcCall } from './engine/grpc-call.js';
import { memory } from './engine/memory.js';
import { returningServer } from './engine/returning-server.js';
import { Rig } from './engine/rig.js';
import { silentClients } from './engine/silent-clients.js';
import { throughput } from './engine/throughput.js';
import type { Scene } from './support/scene.js';

/** rathole with Gopher's patches, and as it was released. */
export async function engine(scene: Scene): Promise<void> {
  const rig = await Rig.open(scene);
  for (const part of [
    silentClients,
    coldStart,
    memory,
    grpcCall,
    returningServer,
    attack,
    throughput,
  ]) {
    await part(rig);
  }
}
