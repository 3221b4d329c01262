import { readFile } from 'node:fs/promises';
import { TrialFailedError } from '../trial.errors.js';

const CALL_TIMEOUT_MS = 15_000;

export interface EdgeView {
  caFingerprint: string;
  rathole: { state: string; pid: number | null; version: string | null; problem: string | null };
}

export interface MachineView {
  id: string;
  name: string;
}

export interface MachineStatusView {
  health: string;
  reasons: string[];
  agent: { status: string; observedAt: string | null } | null;
}

export interface TunnelView {
  id: string;
  target: string;
  address: string;
  state: string;
  leg: string | null;
  reason: string | null;
}

interface Page<T> {
  items: T[];
  nextCursor: string | null;
}

export class ApiError extends TrialFailedError {
  constructor(
    what: string,
    readonly status: number,
    detail: string,
  ) {
    super(`${what}: ${status} ${detail}`);
  }
}

/** The edge's API, as any integrator calls it. */
export class EdgeApi {
  constructor(
    private readonly baseUrl: string,
    private readonly tokenFile: string,
  ) {}

  async isReady(): Promise<boolean> {
    try {
      const response = await fetch(`${this.baseUrl}/readyz`, {
        signal: AbortSignal.timeout(2_000),
      });
      await response.body?.cancel();
      return response.ok;
    } catch {
      return false;
    }
  }

  edge(): Promise<EdgeView> {
    return this.call('GET', '/edge');
  }

  /** null when there is none with this id. */
  machine(id: string): Promise<MachineView | null> {
    return orNull(this.call<MachineView>('GET', `/machines/${id}`));
  }

  machineStatus(id: string): Promise<MachineStatusView | null> {
    return orNull(this.call<MachineStatusView>('GET', `/machines/${id}/status`));
  }

  findMachine(name: string): Promise<MachineView | null> {
    return this.find<MachineView>('/machines?limit=200', (machine) => machine.name === name);
  }

  createMachine(name: string): Promise<MachineView> {
    return this.call('POST', '/machines', { name });
  }

  async joinToken(machineId: string): Promise<string> {
    const path = `/machines/${machineId}/join-tokens`;
    return (await this.call<{ token: string }>('POST', path)).token;
  }

  tunnel(id: string): Promise<TunnelView | null> {
    return orNull(this.call<TunnelView>('GET', `/tunnels/${id}`));
  }

  findTunnel(machineId: string, target: string): Promise<TunnelView | null> {
    const path = `/tunnels?limit=200&machineId=${machineId}`;
    return this.find<TunnelView>(path, (tunnel) => tunnel.target === target);
  }

  /** To a service that answers HTTP. */
  createTunnel(machineId: string, target: string): Promise<TunnelView> {
    return this.call('POST', '/tunnels', { machineId, target, speaks: 'http' });
  }

  retarget(tunnelId: string, target: string): Promise<TunnelView> {
    return this.call('PATCH', `/tunnels/${tunnelId}`, { target });
  }

  private async find<T>(path: string, matches: (item: T) => boolean): Promise<T | null> {
    let cursor: string | null = null;
    do {
      const next: string = cursor === null ? path : `${path}&cursor=${cursor}`;
      const page: Page<T> = await this.call<Page<T>>('GET', next);
      const found = page.items.find(matches);
      if (found) return found;
      cursor = page.nextCursor;
    } while (cursor !== null);
    return null;
  }

  /** @throws ApiError */
  private async call<T>(method: string, path: string, body?: unknown): Promise<T> {
    const token = (await readFile(this.tokenFile, 'utf8')).trim();
    const response = await fetch(`${this.baseUrl}/api/v1${path}`, {
      method,
      headers: {
        authorization: `Bearer ${token}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(CALL_TIMEOUT_MS),
    });
    const answer = (await response.json()) as { detail?: string };
    if (response.ok) return answer as T;
    throw new ApiError(`${method} ${path}`, response.status, answer.detail ?? '');
  }
}

async function orNull<T>(call: Promise<T>): Promise<T | null> {
  try {
    return await call;
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) return null;
    throw error;
  }
}
