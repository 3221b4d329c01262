import { Injectable } from '@nestjs/common';
import { type Check, checkDisk } from '@gopher/diagnosis';
import { EdgeCheck } from '../edge-check.js';
import { EdgeFolders } from '../edge-folders.js';

@Injectable()
export class EdgeDiskCheck extends EdgeCheck {
  readonly id = 'edge-disk';

  constructor(private readonly folders: EdgeFolders) {
    super();
  }

  async look(): Promise<Check[]> {
    return (await this.folders.fileSystems()).map((disk) => checkDisk(this.id, disk));
  }
}
