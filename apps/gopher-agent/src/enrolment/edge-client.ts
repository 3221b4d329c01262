import type { EnrolmentRequest, EnrolmentResponse } from '@gopher/proto';

/** The one call of an agent to the edge that is not gRPC: how it becomes an agent. */
export abstract class EdgeClient {
  /** @throws EnrolmentError in words for a person; also when the edge is not who it has to be */
  abstract enrol(request: EnrolmentRequest): Promise<EnrolmentResponse>;
}
