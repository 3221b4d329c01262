import { Injectable, Logger } from '@nestjs/common';
import { runCommand } from '@gopher/supervisor';

const TIMEOUT_MS = 2_000;

/** Which ports' visitors get bytes, as the kernel counts them, so that nobody has to visit. */
@Injectable()
export class VisitorTraffic {
  private readonly logger = new Logger(VisitorTraffic.name);
  private isSilent = false;

  /**
   * Of these TCP ports of the edge those with an established connection that sent bytes to its visitor
   * within `withinMs`. One look for all. Empty where the host has no `ss` to ask.
   */
  async onPorts(ports: readonly number[], withinMs: number): Promise<ReadonlySet<number>> {
    if (ports.length === 0) return new Set();
    const which = ports.map((port) => `sport = :${port}`).join(' or ');
    const args = ['--tcp', '--info', '--numeric', '--no-header', '--oneline'];
    try {
      const filter = ['state', 'established', `( ${which} )`];
      const output = await runCommand('ss', [...args, ...filter], { timeoutMs: TIMEOUT_MS });
      this.isSilent = false;
      return portsThatSent(output, withinMs);
    } catch (error) {
      if (!this.isSilent) this.logger.warn(`Traffic can not be seen: ${String(error)}`);
      this.isSilent = true;
      return new Set();
    }
  }
}

/** From lines of `ss`: queues, local and remote end, then what the kernel counts, `name:value`. */
export function portsThatSent(output: string, withinMs: number): ReadonlySet<number> {
  const ports = output.split('\n').flatMap((line) => {
    const [, , local = ''] = line.trim().split(/\s+/);
    const sent = Number(/\bbytes_acked:(\d+)/.exec(line)?.[1] ?? 0);
    const lastSentMs = Number(/\blastsnd:(\d+)/.exec(line)?.[1] ?? 0);
    return sent > 1 && lastSentMs <= withinMs
      ? [Number(local.slice(local.lastIndexOf(':') + 1))]
      : [];
  });
  return new Set(ports);
}
