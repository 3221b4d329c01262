import { Logger } from '@nestjs/common';
import { isFrozen } from '../host/client-process.js';
import { CLIENT_NAMES, type ClientName } from '../state/state-directory.js';
import { CoolDown, type CoolDownRule } from './cool-down.js';
import type { EdgeContact } from './edge-contact.js';
import type { RatholeClients } from './rathole-clients.js';

const LOOK_EVERY_MS = 5_000;
/** Seen twice: a debugger or a snapshot of the machine may stop a process for a moment. */
const FROZEN_LOOKS = 2;
const SILENT_MS = 30_000;
const FROZEN: CoolDownRule = { free: 3, firstMs: 30_000, longestMs: 300_000, forgetMs: 600_000 };
const SILENT: CoolDownRule = { free: 1, firstMs: 30_000, longestMs: 300_000, forgetMs: Infinity };

/** Restarts what runs without working, where the edge cannot see it or cannot reach it. */
export class ClientWatchdog {
  private readonly logger = new Logger(ClientWatchdog.name);
  private readonly frozenLooks = new Map<ClientName, number>();
  private readonly frozenCoolDown = {
    control: new CoolDown(FROZEN),
    data: new CoolDown(FROZEN),
  };
  private readonly silentCoolDown = new CoolDown(SILENT);
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly clients: RatholeClients,
    private readonly contact: EdgeContact,
  ) {}

  start(): void {
    this.timer = setInterval(() => this.look(), LOOK_EVERY_MS);
  }

  stop(): void {
    clearInterval(this.timer);
  }

  look(): void {
    for (const name of CLIENT_NAMES) this.lookForFrozen(name);
    this.lookForSilence();
  }

  private lookForFrozen(name: ClientName): void {
    const pid = this.clients.status(name)?.pid;
    const looks = pid && isFrozen(pid) ? (this.frozenLooks.get(name) ?? 0) + 1 : 0;
    this.frozenLooks.set(name, looks);
    if (looks < FROZEN_LOOKS || !this.frozenCoolDown[name].tryTake()) return;
    this.frozenLooks.set(name, 0);
    this.heal(name, 'it is frozen');
  }

  /** A wedged control client looks alive from here, and from the edge the machine is just gone. */
  private lookForSilence(): void {
    const { silentMs } = this.contact;
    if (silentMs < SILENT_MS) return this.silentCoolDown.reset();
    const status = this.clients.status('control');
    const runsMs = Date.now() - (status?.startedAt?.getTime() ?? Date.now());
    if (!status?.pid || runsMs < SILENT_MS || this.frozenLooks.get('control')) return;
    if (!this.silentCoolDown.tryTake()) return;
    this.heal('control', `no call of the edge came through for ${Math.round(silentMs / 1000)} s`);
  }

  private heal(name: ClientName, reason: string): void {
    this.clients.heal(name, reason).catch((error: unknown) => {
      this.logger.error(error instanceof Error ? error.message : String(error));
    });
  }
}
