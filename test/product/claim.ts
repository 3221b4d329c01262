import { once } from 'node:events';
import { createServer } from 'node:net';

/**
 * Claims something of this host until this process ends; false: another process has it, or this one.
 * By an abstract socket, which the kernel gives to one alone, in the same network namespace as the
 * ports, and takes back however its process ends.
 */
export function claim(name: string): boolean {
  const holder = createServer().unref();
  holder.on('error', () => {}); // another has it
  holder.listen(`\0gopher-test-${name}`);
  return holder.listening;
}

/** Whether nobody listens on this port of 127.0.0.1 now. */
export async function isFree(port: number): Promise<boolean> {
  const probe = createServer();
  try {
    await once(probe.listen(port, '127.0.0.1'), 'listening');
    return true;
  } catch {
    return false;
  } finally {
    probe.close();
  }
}
