import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';

/** The first byte of a connection: what is to happen on it. */
const VERBS = { send: 0x53, take: 0x54, answer: 0x41, answerInHalves: 0x42 } as const;
/** The verb, and how many bytes are meant. */
const HEADER_BYTES = 5;
const CHUNK = Buffer.alloc(64 * 1_024, 'gopher');

const DONE = Buffer.from('done');
const HALVES_APART_MS = 1;

/** What is said on a connection, and answered with as much in the same way. */
export interface Message {
  bytes: number;
  /** In two writes: as programs do that write a head, then a body. */
  inHalves: boolean;
}

const VISIT: Message = { bytes: 64, inHalves: false };

/** The other end of the load: sends, takes and answers as it is told. */
export class LoadTarget {
  private readonly sockets = new Set<Socket>();

  private constructor(private readonly server: Server) {}

  static async listen(port: number): Promise<LoadTarget> {
    const server = createServer({ noDelay: true });
    const target = new LoadTarget(server);
    server.on('connection', (socket) => target.accept(socket));
    server.listen(port, '127.0.0.1', 1_024);
    await once(server, 'listening');
    return target;
  }

  get address(): string {
    const { address, port } = this.server.address() as { address: string; port: number };
    return `${address}:${port}`;
  }

  close(): void {
    for (const socket of this.sockets) socket.destroy();
    this.server.close();
  }

  private accept(socket: Socket): void {
    this.sockets.add(socket);
    socket.on('close', () => this.sockets.delete(socket));
    socket.on('error', () => socket.destroy()); // the visitor tells of it
    let head = Buffer.alloc(0);
    const begin = (chunk: Buffer) => {
      head = Buffer.concat([head, chunk]);
      if (head.length < HEADER_BYTES) return;
      socket.off('data', begin);
      const rest = head.subarray(HEADER_BYTES);
      serve(socket, head.readUInt8(0), head.readUInt32BE(1), rest);
    };
    socket.on('data', begin);
  }
}

function serve(socket: Socket, verb: number, size: number, first: Buffer): void {
  if (verb === VERBS.send) return send(socket, size);
  const answer = { bytes: size, inHalves: verb === VERBS.answerInHalves };
  let missing = size;
  const take = (chunk: Buffer) => {
    missing -= chunk.length;
    if (missing > 0) return;
    if (verb === VERBS.take) return void socket.end(DONE);
    missing = size;
    say(socket, answer);
  };
  socket.on('data', take);
  if (first.length > 0) take(first);
}

/** As many bytes as the socket takes at a time. */
function send(socket: Socket, size: number): void {
  let missing = size;
  const more = () => {
    while (missing > 0) {
      const chunk = CHUNK.subarray(0, missing);
      missing -= chunk.length;
      if (!socket.write(chunk)) return;
    }
    socket.off('drain', more);
  };
  socket.on('drain', more);
  more();
}

function say(socket: Socket, { bytes, inHalves }: Message): void {
  const message = CHUNK.subarray(0, bytes);
  if (!inHalves) return void socket.write(message);
  const half = Math.ceil(bytes / 2);
  socket.write(message.subarray(0, half));
  // Apart, so that what carries them does not happen to read both at once.
  setTimeout(() => socket.writable && socket.write(message.subarray(half)), HALVES_APART_MS);
}

/** @returns MB a second */
export async function download(address: string, bytes: number): Promise<number> {
  const socket = await open(address);
  try {
    const began = performance.now();
    socket.write(header(VERBS.send, bytes));
    await taken(socket, bytes);
    return rate(bytes, began);
  } finally {
    socket.destroy();
  }
}

/** @returns MB a second, until the target has said that it has everything */
export async function upload(address: string, bytes: number): Promise<number> {
  const socket = await open(address);
  try {
    const began = performance.now();
    socket.write(header(VERBS.take, bytes));
    const done = taken(socket, DONE.length);
    send(socket, bytes);
    await done;
    return rate(bytes, began);
  } finally {
    socket.destroy();
  }
}

/**
 * @returns the ms from the first packet until a message was answered, on a connection made for it
 * @throws when that takes longer than `timeoutMs`
 */
export async function newConnection(address: string, timeoutMs?: number): Promise<number> {
  const began = performance.now();
  const conversation = await Conversation.open(address, VISIT, timeoutMs);
  try {
    await conversation.roundTrip();
    return performance.now() - began;
  } finally {
    conversation.close();
  }
}

/** A connection on which messages are answered with such, one at a time. */
export class Conversation {
  private constructor(
    private readonly socket: Socket,
    private readonly message: Message,
  ) {}

  /** @param timeoutMs after which it ends, whatever is said */
  static async open(address: string, message: Message, timeoutMs?: number): Promise<Conversation> {
    const socket = await open(address, timeoutMs);
    const verb = message.inHalves ? VERBS.answerInHalves : VERBS.answer;
    socket.write(header(verb, message.bytes));
    return new Conversation(socket, message);
  }

  /** @returns ms */
  async roundTrip(): Promise<number> {
    const began = performance.now();
    const answered = taken(this.socket, this.message.bytes);
    say(this.socket, this.message);
    await answered;
    return performance.now() - began;
  }

  close(): void {
    this.socket.destroy();
  }
}

async function open(address: string, timeoutMs?: number): Promise<Socket> {
  const { hostname: host, port } = new URL(`tcp://${address}`);
  const socket = connect({
    host,
    port: Number(port),
    noDelay: true,
    ...(timeoutMs === undefined ? {} : { signal: AbortSignal.timeout(timeoutMs) }),
  });
  await once(socket, 'connect');
  return socket;
}

/** Resolves when so many bytes have come. @throws when the connection ends before */
function taken(socket: Socket, bytes: number): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  let missing = bytes;
  const take = (chunk: Buffer) => {
    missing -= chunk.length;
    if (missing <= 0) resolve();
  };
  const ended = () => reject(new Error(`The connection ended, ${missing} bytes were missing`));
  socket.on('data', take);
  socket.once('error', reject);
  socket.once('close', ended);
  return promise.finally(() => {
    socket.off('data', take);
    socket.off('error', reject);
    socket.off('close', ended);
  });
}

function header(verb: number, size: number): Buffer {
  const bytes = Buffer.alloc(HEADER_BYTES);
  bytes.writeUInt8(verb);
  bytes.writeUInt32BE(size, 1);
  return bytes;
}

const rate = (bytes: number, began: number): number => bytes / 1e3 / (performance.now() - began);
