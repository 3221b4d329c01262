import { HttpTarget, TestEdge, TestMachine, type TunnelView } from '../../test/product/index.js';
import type { Scene } from './scene.js';

export function startEdge(scene: Scene): Promise<TestEdge> {
  scene.note('starting an edge');
  return scene.own(
    () => TestEdge.start(),
    (edge) => edge.stop(),
  );
}

export function joinMachine(scene: Scene, edge: TestEdge, name: string): Promise<TestMachine> {
  return scene.own(
    () => TestMachine.join(edge, name),
    (machine) => machine.stop(),
  );
}

export function startTarget(scene: Scene, edge: TestEdge): Promise<HttpTarget> {
  return scene.own(
    () => HttpTarget.start(edge.ports.next()),
    (target) => target.close(),
  );
}

export interface Product {
  edge: TestEdge;
  machine: TestMachine;
  target: HttpTarget;
  tunnel: TunnelView;
}

/** An edge, a machine and a tunnel that serves. */
export async function startProduct(scene: Scene): Promise<Product> {
  const edge = await startEdge(scene);
  scene.note('a machine joins');
  const machine = await joinMachine(scene, edge, 'attic');
  const target = await startTarget(scene, edge);
  const tunnel = await edge.publish(machine.id, target.address);
  return { edge, machine, target, tunnel };
}
