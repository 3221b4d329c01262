import { Injectable } from '@nestjs/common';
import { type Check, checkRatholeBuild } from '@gopher/diagnosis';
import { RatholeServer } from '../../edge/rathole/rathole-server.js';
import { EdgeCheck } from '../edge-check.js';

@Injectable()
export class RatholeCapabilitiesCheck extends EdgeCheck {
  readonly id = 'edge-rathole-capabilities';

  constructor(private readonly rathole: RatholeServer) {
    super();
  }

  look(): Check[] {
    return [checkRatholeBuild(this.id, this.rathole.status().version ?? '')];
  }
}
