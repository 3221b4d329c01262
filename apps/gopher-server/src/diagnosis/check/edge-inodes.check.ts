import { Injectable } from '@nestjs/common';
import { type Check, checkInodes } from '@gopher/diagnosis';
import { EdgeCheck } from '../edge-check.js';
import { EdgeFolders } from '../edge-folders.js';

@Injectable()
export class EdgeInodesCheck extends EdgeCheck {
  readonly id = 'edge-inodes';

  constructor(private readonly folders: EdgeFolders) {
    super();
  }

  async look(): Promise<Check[]> {
    return (await this.folders.fileSystems()).map((disk) => checkInodes(this.id, disk));
  }
}
