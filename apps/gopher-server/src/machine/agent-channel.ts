import { createHash } from 'node:crypto';
import { checkServerIdentity, type PeerCertificate, type SecureContext } from 'node:tls';
import { type ChannelOptions, Client, ChannelCredentials } from '@grpc/grpc-js';
import { machineName } from '@gopher/identity';
import type { AgentTarget } from '@gopher/machine';

const MAX_MESSAGE_BYTES = 2 * 1024 * 1024;

/** Far more than a handshake takes, over the slowest of lines. */
const HANDSHAKE_TIMEOUT_MS = 5_000;

const OPTIONS: ChannelOptions = {
  // A frozen agent or a lost line shows after 8 s at most.
  'grpc.keepalive_time_ms': 5_000,
  'grpc.keepalive_timeout_ms': 3_000,
  'grpc.keepalive_permit_without_calls': 1,
  // How often a silent agent is tried is decided by who watches it, not by the channel.
  'grpc.initial_reconnect_backoff_ms': 200,
  'grpc.max_reconnect_backoff_ms': 1_000,
  'grpc.max_receive_message_length': MAX_MESSAGE_BYTES,
  'grpc.enable_retries': 0,
  // Closing a channel has to close its connection: none is shared.
  'grpc.use_local_subchannel_pool': 1,
};

export interface ChannelTrust {
  /** One for all channels: each of them would weigh as much as the connection. */
  context: SecureContext;
  /** Whether the machine may answer with this certificate (SHA-256, lower-case hex). */
  allows: (sha256: string) => boolean;
}

/** One connection to one agent. It takes nobody else for that agent, whoever holds the port. */
export class AgentChannel {
  readonly client: Client;
  /** SHA-256 of the certificate that the agent answered with last; null: it has not yet. */
  presented: string | null = null;

  constructor(
    readonly target: AgentTarget,
    readonly trust: ChannelTrust,
  ) {
    const name = machineName(target.id);
    this.client = new Client(
      target.agentAddr,
      withHandshakeTimeout(
        ChannelCredentials.createFromSecureContext(trust.context, {
          checkServerIdentity: (_host, certificate) => this.check(name, certificate),
        }),
      ),
      { ...OPTIONS, 'grpc.ssl_target_name_override': name, 'grpc.default_authority': name },
    );
  }

  close(): void {
    this.client.close();
  }

  private check(name: string, certificate: PeerCertificate): Error | undefined {
    const mismatch = checkServerIdentity(name, certificate);
    if (mismatch) return mismatch;
    const sha256 = createHash('sha256').update(certificate.raw).digest('hex');
    if (!this.trust.allows(sha256)) {
      return new Error('The certificate of the agent was revoked, or never handed out');
    }
    this.presented = sha256;
    return undefined;
  }
}

/**
 * grpc-js 1.14 waits for a handshake without end, and tries no second connection meanwhile: whoever
 * took one connection and said nothing would keep the agent away for as long as it lives.
 */
function withHandshakeTimeout(tls: ChannelCredentials): ChannelCredentials {
  const createConnector = tls._createSecureConnector.bind(tls);
  tls._createSecureConnector = (...args) => {
    const connector = createConnector(...args);
    const connect = connector.connect.bind(connector);
    connector.connect = async (socket) => {
      const late = Promise.withResolvers<never>();
      const timer = setTimeout(() => {
        socket.destroy();
        late.reject(new Error(`No TLS handshake within ${HANDSHAKE_TIMEOUT_MS} ms`));
      }, HANDSHAKE_TIMEOUT_MS);
      const connected = connect(socket);
      connected.catch(() => {}); // the race has been lost by then
      return Promise.race([connected, late.promise]).finally(() => clearTimeout(timer));
    };
    return connector;
  };
  return tls;
}
