import { Logger } from '@nestjs/common';
import { statSync } from 'node:fs';
import { access, constants, readFile } from 'node:fs/promises';
import { parseHostPort, type RatholeClientService } from '@gopher/rathole';
import { PolicyRefusedError } from '../agent.errors.js';
import { parsePolicy, PolicyFileError } from './parse-policy.js';
import { type Policy, presetPolicy, type Resolve } from './policy.js';
import { resolveHost } from './resolve-host.js';

export interface Objection {
  service: string;
  /** For a person to read, whole. */
  why: string;
}

/**
 * What the machine's owner lets the edge publish. Read anew for every push that brings a target, and
 * never written: it is the owner's.
 */
export class TargetPolicy {
  private readonly logger = new Logger(TargetPolicy.name);
  private hasWarned = false;

  constructor(
    readonly path: string,
    private readonly resolve: Resolve = resolveHost,
  ) {}

  /** Another one after each change of the file; empty: there is none, or it cannot be looked at. */
  version(): string {
    try {
      const { ino, ctimeNs, size } = statSync(this.path, { bigint: true });
      return [ino, ctimeNs, size].join('-');
    } catch {
      return '';
    }
  }

  /** @throws PolicyRefusedError that names the service, the file, and what in it forbids the target */
  async check(services: readonly RatholeClientService[]): Promise<void> {
    const [first] = await this.objections(services);
    if (first) throw new PolicyRefusedError(first.why);
  }

  /** To each that may not be published. @throws PolicyRefusedError when the file can not be used */
  async objections(services: readonly RatholeClientService[]): Promise<Objection[]> {
    if (services.length === 0) return [];
    const policy = await this.read();
    const resolve = once(this.resolve);
    const found = await Promise.all(
      services.map(async ({ name, localAddr }) => {
        const target = parseHostPort(localAddr);
        const why = target && (await policy.objection(target, resolve));
        return why ? { service: name, why: this.refusal(name, localAddr, why) } : null;
      }),
    );
    return found.filter((objection) => objection !== null);
  }

  private refusal(name: string, localAddr: string, why: string): string {
    return `The service "${name}" leads to ${localAddr}, which the policy of this machine does not allow: ${this.path}, ${why}`;
  }

  private async read(): Promise<Policy> {
    const text = await this.readText();
    if (text === null) return presetPolicy('lan', 'which does not exist');
    await this.warnIfWritable();
    try {
      return parsePolicy(text);
    } catch (cause) {
      if (!(cause instanceof PolicyFileError)) throw cause;
      throw this.unusable(cause.message, cause);
    }
  }

  /** null when there is none. */
  private async readText(): Promise<string | null> {
    try {
      return await readFile(this.path, 'utf8');
    } catch (cause) {
      const { code, message } = cause as NodeJS.ErrnoException;
      if (code === 'ENOENT' || code === 'ENOTDIR') return null;
      throw this.unusable(message, cause);
    }
  }

  private unusable(why: string, cause: unknown): PolicyRefusedError {
    return new PolicyRefusedError(
      `The policy of this machine can not be read, so that no target can be added or changed: ${this.path}, ${why}`,
      { cause },
    );
  }

  /** Whoever takes over the agent could then allow himself everything. */
  private async warnIfWritable(): Promise<void> {
    if (this.hasWarned || process.getuid?.() === 0) return;
    const isWritable = await access(this.path, constants.W_OK).then(
      () => true,
      () => false,
    );
    if (!isWritable) return;
    this.hasWarned = true;
    this.logger.warn(
      `${this.path} can be written by the user of the agent: give it to root, so that it still holds when the agent is taken over`,
    );
  }
}

/** A name is looked up once for all rules and services: it may take seconds. */
function once(resolve: Resolve): Resolve {
  const seen = new Map<string, ReturnType<Resolve>>();
  return (name) => {
    const known = seen.get(name) ?? resolve(name);
    seen.set(name, known);
    return known;
  };
}
