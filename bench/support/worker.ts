import { type ChildProcess, fork, type ForkOptions } from 'node:child_process';
import { once } from 'node:events';
import { repositoryPath } from '../../test/product/index.js';
import type { Scene } from './scene.js';

export type WorkerName = 'fleet' | 'sweep' | 'strangers';

interface Answer<Response> {
  response?: Response;
  error?: string;
}

/** A process of the benchmark's own that is asked one thing at a time. */
export class Worker<Request, Response> {
  private constructor(
    private readonly name: WorkerName,
    private readonly child: ChildProcess,
  ) {}

  static start<Request, Response>(
    scene: Scene,
    name: WorkerName,
    flags: readonly string[] = [],
  ): Promise<Worker<Request, Response>> {
    const file = repositoryPath(`bench/dist/${name}.process.mjs`);
    const options: ForkOptions = { serialization: 'advanced', execArgv: [...flags] };
    return scene.own(
      () => new Worker<Request, Response>(name, fork(file, options)),
      (worker) => worker.end(),
    );
  }

  get pid(): number {
    return this.child.pid!;
  }

  async ask(request: Request): Promise<Response> {
    this.child.send(request as object);
    const ended = new AbortController();
    const { signal } = ended;
    try {
      const [{ response, error }] = (await Promise.race([
        once(this.child, 'message', { signal }),
        once(this.child, 'exit', { signal }).then(() => [{ error: 'it ended' }]),
      ])) as [Answer<Response>];
      if (error !== undefined) throw new Error(`${this.name}: ${error}`);
      return response as Response;
    } finally {
      ended.abort();
    }
  }

  private async end(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const exited = once(this.child, 'exit');
    this.child.kill('SIGKILL');
    await exited;
  }
}
