import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { sha256 } from './payload.js';
import { inverted } from './udp-target.js';

const ANSWER_MS = 500;
const ATTEMPTS = 10;
const CLOSED_MS = 200;

/** A visitor with one datagram under way: UDP may lose it, and then it is sent once more. */
export class UdpVisitor {
  /** Datagrams whose answer did not come. */
  lost = 0;

  private readonly asked = new Set<string>();

  private constructor(private readonly socket: Socket) {}

  static async to(address: string): Promise<UdpVisitor> {
    return new UdpVisitor(await connected(address));
  }

  /** Resolves with the target's answer. @throws when none of some attempts was answered */
  async ask(bytes: Buffer): Promise<Buffer> {
    const answers: Buffer[] = [];
    const listen = (answer: Buffer) => {
      // Late, to a datagram that was sent again and answered since.
      if (!this.asked.has(sha256(answer))) answers.push(answer);
    };
    this.socket.on('message', listen);
    try {
      for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
        this.socket.send(bytes);
        const deadline = AbortSignal.timeout(ANSWER_MS);
        while (answers.length === 0 && !deadline.aborted) {
          await once(this.socket, 'message', { signal: deadline }).catch((error: unknown) => {
            if (!deadline.aborted) throw error;
          });
        }
        const [answer] = answers;
        if (answer) return answer;
        this.lost += 1;
      }
    } finally {
      this.socket.off('message', listen);
      // A short one may be asked twice, and then an answer says nothing about which it is for.
      if (bytes.length >= 16) this.asked.add(sha256(inverted(bytes)));
    }
    throw new Error(`No answer to ${ATTEMPTS} datagrams of ${bytes.length} bytes`);
  }

  close(): void {
    this.socket.close();
  }
}

/** Whether the kernel says that nobody has this UDP port. */
export async function refusesUdp(address: string): Promise<boolean> {
  const socket = await connected(address);
  try {
    socket.send(Buffer.from([0]));
    const error = await Promise.race([
      once(socket, 'error').then(([cause]) => cause as NodeJS.ErrnoException),
      delay(CLOSED_MS, null),
    ]);
    return error?.code === 'ECONNREFUSED';
  } finally {
    socket.close();
  }
}

async function connected(address: string): Promise<Socket> {
  const { hostname, port } = new URL(`udp://${address}`);
  const socket = createSocket('udp4');
  socket.connect(Number(port), hostname);
  await once(socket, 'connect');
  return socket;
}
