import { type IncomingMessage, request as httpRequest } from 'node:http';
import { request as httpsRequest, type RequestOptions } from 'node:https';
import { EnrolmentError } from '../agent.errors.js';

const MAX_RESPONSE_BYTES = 1024 * 1024;

export interface Answer {
  status: number;
  contentType: string;
  location: string;
  /** Of the answer, as the other side's clock has it. */
  date: string;
  body: string;
}

export interface Question {
  method: 'GET' | 'POST';
  /** JSON; null: none. */
  body: string | null;
  signal: AbortSignal;
  tls?: Pick<RequestOptions, 'ca' | 'rejectUnauthorized'>;
}

/** node:https, since `fetch` needs WebAssembly, which the agent runs without. */
export function ask(url: URL, { method, body, signal, tls }: Question): Promise<Answer> {
  const start = url.protocol === 'https:' ? httpsRequest : httpRequest;
  return new Promise((resolve, reject) => {
    const headers = {
      accept: 'application/json, application/problem+json',
      ...(body === null
        ? {}
        : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }),
    };
    const sent = start(url, { method, headers, signal, agent: false, ...tls }, (response) => {
      readBounded(response).then(resolve, reject);
    });
    sent.on('error', reject).end(body ?? undefined);
  });
}

async function readBounded(response: IncomingMessage): Promise<Answer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > MAX_RESPONSE_BYTES) {
      response.destroy();
      throw new EnrolmentError('The answer is larger than 1 MiB: this is not a Gopher edge');
    }
    chunks.push(chunk);
  }
  return {
    status: response.statusCode ?? 0,
    contentType: response.headers['content-type'] ?? '',
    location: response.headers.location ?? '',
    date: response.headers.date ?? '',
    body: Buffer.concat(chunks).toString('utf8'),
  };
}
