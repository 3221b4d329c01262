import { getCACertificates } from 'node:tls';
import { z } from 'zod';
import { type EnrolmentRequest, type EnrolmentResponse, enrolmentResponse } from '@gopher/proto';
import { EnrolmentError } from '../agent.errors.js';
import { type Answer, ask, type Question } from './bounded-request.js';
import { EdgeClient } from './edge-client.js';
import { edgePath } from './edge-url.js';
import { requirePinned } from './fingerprint.js';

const TIMEOUT_MS = 30_000;

/** What OpenSSL says when it does not know who signed. */
const UNKNOWN_ISSUER = new Set([
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
]);

const problem = z.object({ title: z.string().optional(), detail: z.string().optional() });

export class HttpsEdgeClient extends EdgeClient {
  constructor(
    private readonly server: URL,
    private readonly fingerprint: string,
  ) {
    super();
  }

  async enrol(request: EnrolmentRequest): Promise<EnrolmentResponse> {
    const signal = AbortSignal.timeout(TIMEOUT_MS);
    try {
      const url = edgePath(this.server, '/api/v1/enrolments');
      const question = { method: 'POST', body: JSON.stringify(request), signal } as const;
      return this.understand(await this.askTrusted(url, question));
    } catch (cause) {
      throw cause instanceof EnrolmentError ? cause : this.unreachable(cause, signal);
    }
  }

  /** With the roots of the system first, and where they do not know the edge, with its own CA. */
  private async askTrusted(url: URL, question: Question): Promise<Answer> {
    const roots = [...getCACertificates('default'), ...getCACertificates('system')];
    try {
      return await ask(url, { ...question, tls: { ca: roots } });
    } catch (error) {
      if (!UNKNOWN_ISSUER.has((error as NodeJS.ErrnoException).code ?? '')) throw error;
      const ca = await this.fetchCa(question.signal);
      return ask(url, { ...question, tls: { ca: [...roots, ca] } });
    }
  }

  /** Whoever answers: only the CA with the pinned fingerprint is believed, and nothing is sent. */
  private async fetchCa(signal: AbortSignal): Promise<string> {
    const url = edgePath(this.server, '/api/v1/ca');
    const question = { method: 'GET', body: null, signal } as const;
    const answer = await ask(url, { ...question, tls: { rejectUnauthorized: false } });
    if (answer.status !== 200) {
      throw new EnrolmentError(
        `${this.server.origin} has a certificate that this machine does not trust, and gives none of its own CA (HTTP ${answer.status})`,
      );
    }
    requirePinned(answer.body, this.fingerprint);
    return answer.body;
  }

  private understand(answer: Answer): EnrolmentResponse {
    const { status, body, location } = answer;
    if (status >= 300 && status < 400) {
      throw new EnrolmentError(`The edge is somewhere else now: use --server ${location}`);
    }
    if (status < 200 || status > 299) throw refused(answer);
    const parsed = enrolmentResponse.safeParse(parseJson(body));
    if (parsed.success) return parsed.data;
    throw new EnrolmentError(
      `${this.server.origin} does not answer like a Gopher edge. Is this the address of the edge?`,
    );
  }

  private unreachable(cause: unknown, signal: AbortSignal): EnrolmentError {
    const { message, code } = cause as NodeJS.ErrnoException;
    const why = signal.aborted ? `no answer within ${TIMEOUT_MS / 1000} s` : message || code;
    return new EnrolmentError(
      `Cannot reach the edge at ${this.server.origin}: ${why}. Check the address and the network, then run the same command again: the token stays good`,
      { cause },
    );
  }
}

function refused({ status, body }: Answer): EnrolmentError {
  const { title, detail } = problem.safeParse(parseJson(body)).data ?? {};
  const said = [title, detail].filter(Boolean).join(': ') || 'it did not say why';
  // Whoever answers may put anything into its words, also what a terminal obeys.
  const printable = said.replace(/\p{Cc}+/gu, ' ').slice(0, 1_000);
  return new EnrolmentError(`The edge refused (HTTP ${status}): ${printable}`);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
