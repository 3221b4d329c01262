import {
  type ServerInterceptingCallInterface,
  ServerInterceptingCall,
  type ServerInterceptor,
  type ServerListener,
  type ServerMethodDefinition,
  status,
} from '@grpc/grpc-js';
import { dnsNames } from '@gopher/identity/certificate';
import { SERVER_NAME } from '@gopher/identity/names';
import type { EdgeContact } from '../rathole/edge-contact.js';

/**
 * Lets nobody call but the edge. grpc-js checks that a client's certificate comes from the CA; that
 * it is the server's, and not that of some agent, is checked here, on every call of every service.
 */
export function serverNameInterceptor(contact: EdgeContact): ServerInterceptor {
  return <Req, Res>(
    _method: ServerMethodDefinition<Req, Res>,
    call: ServerInterceptingCallInterface,
  ) => {
    const refusal = refusalOf(call);
    if (refusal) return refuse(call, refusal);
    const over = contact.callBegan();
    const listener: ServerListener = { onCancel: over };
    return new ServerInterceptingCall(call, {
      start: (next) => next(listener),
      sendStatus: (ended, next) => {
        over();
        next(ended);
      },
    });
  };
}

type Refusal = { code: status; details: string };

function refusalOf(call: ServerInterceptingCallInterface): Refusal | null {
  const { sslPeerCertificate } = call.getAuthContext();
  if (!sslPeerCertificate?.raw) {
    return { code: status.UNAUTHENTICATED, details: 'A client certificate is needed' };
  }
  const names = dnsNames(sslPeerCertificate.subjectaltname);
  if (names.length === 1 && names[0] === SERVER_NAME) return null;
  return { code: status.PERMISSION_DENIED, details: `Only ${SERVER_NAME} may call this agent` };
}

function refuse(call: ServerInterceptingCallInterface, refusal: Refusal): ServerInterceptingCall {
  return new ServerInterceptingCall(call, {
    start: (next) => next({ onReceiveMetadata: () => call.sendStatus(refusal) }),
  });
}
