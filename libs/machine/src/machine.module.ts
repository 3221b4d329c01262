import { type DynamicModule, Module, type ModuleMetadata, type Provider } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import type { AgentClient } from './agent/agent-client.js';
import type { EdgeId } from './edge-id.js';
import { MachineHealthSweep } from './health/machine-health.sweep.js';
import { MachineHeal } from './health/machine-heal.entity.js';
import { SelfHeal } from './health/self-heal.js';
import { Machine } from './machine.entity.js';
import { MachineService } from './machine.service.js';
import type { EdgeView } from './status/edge-view.js';
import { MachineEvents } from './status/machine-events.js';
import { StatusRecorder } from './status/status-recorder.js';

@Module({})
export class MachineModule {
  /** The host app supplies the adapters; the module never learns that the agent speaks gRPC. */
  static register(options: {
    agentClient: Provider<AgentClient>;
    edgeView: Provider<EdgeView>;
    edgeId: Provider<EdgeId>;
    imports?: ModuleMetadata['imports'];
  }): DynamicModule {
    return {
      module: MachineModule,
      imports: [TypeOrmModule.forFeature([Machine, MachineHeal]), ...(options.imports ?? [])],
      providers: [
        MachineService,
        MachineEvents,
        StatusRecorder,
        SelfHeal,
        MachineHealthSweep,
        options.agentClient,
        options.edgeView,
        options.edgeId,
      ],
      exports: [
        MachineService,
        MachineEvents,
        StatusRecorder,
        SelfHeal,
        MachineHealthSweep,
        options.agentClient,
        options.edgeView,
      ],
    };
  }
}
