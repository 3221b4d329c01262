import { Controller, Get, HttpCode, Param, Post, Query } from '@nestjs/common';
import { ApiAcceptedResponse, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { ApiProblem } from '../http/api-problem.decorator.js';
import { type Page, toPage } from '../http/paging.js';
import { IdempotencyKeyHeader } from '../http/request-headers.js';
import { machineId } from '../machine/machine.schema.js';
import { RevisionHistory } from './revision-history.js';
import {
  type DiffQuery,
  diffQuery,
  diffView,
  type ListRevisions,
  listRevisions,
  type RevisionDetail,
  type RevisionDiff,
  revisionNumber,
  revisionPage,
  type RevisionSummary,
  revisionView,
  type RollbackQuery,
  rollbackQuery,
  type RollbackView,
  rollbackView,
  toRevisionSummary,
  toRevisionView,
} from './revision.schema.js';
import { Revisions } from './revisions.js';
import { Rollback } from './rollback.js';

@ApiTags('revisions')
@Controller('machines/:id/revisions')
export class RevisionController {
  constructor(
    private readonly history: RevisionHistory,
    private readonly revisions: Revisions,
    private readonly rollback: Rollback,
  ) {}

  @Get()
  @ApiOperation({
    operationId: 'listRevisions',
    summary: "List a machine's configurations, newest first",
  })
  @ApiOkResponse({ standardSchema: revisionPage })
  @ApiProblem(400, 404)
  async list(
    @Param('id', { schema: machineId }) id: string,
    @Query({ schema: listRevisions }) { limit, cursor }: ListRevisions,
  ): Promise<Page<RevisionSummary>> {
    const found = await this.history.list(id, { after: cursor ?? null, limit: limit + 1 });
    return toPage(found.map(toRevisionSummary), limit);
  }

  @Get(':number')
  @ApiOperation({
    operationId: 'getRevision',
    summary: 'Read one configuration, with fingerprints in the place of its secrets',
  })
  @ApiOkResponse({ standardSchema: revisionView })
  @ApiProblem(400, 404)
  async get(
    @Param('id', { schema: machineId }) id: string,
    @Param('number', { schema: revisionNumber }) number: number,
  ): Promise<RevisionDetail> {
    const row = await this.history.get(id, number);
    return toRevisionView(row, this.revisions.contentOf(row));
  }

  @Get(':number/diff')
  @ApiOperation({ operationId: 'diffRevision', summary: 'What differs from another configuration' })
  @ApiOkResponse({ standardSchema: diffView })
  @ApiProblem(400, 404, 409)
  async diff(
    @Param('id', { schema: machineId }) id: string,
    @Param('number', { schema: revisionNumber }) number: number,
    @Query({ schema: diffQuery }) { from }: DiffQuery,
  ): Promise<RevisionDiff> {
    const to = await this.history.get(id, number);
    const base = from === undefined ? this.history.before(to) : this.history.get(id, from);
    return this.history.diff(await base, to);
  }

  @Post(':number/rollback')
  @HttpCode(202)
  @ApiOperation({
    operationId: 'rollBack',
    summary: "Bring the machine's tunnels back to what they were, as a new configuration",
  })
  @ApiAcceptedResponse({ standardSchema: rollbackView })
  @ApiProblem(400, 404, 409)
  rollBack(
    @Param('id', { schema: machineId }) id: string,
    @Param('number', { schema: revisionNumber }) number: number,
    @Query({ schema: rollbackQuery }) { dryRun }: RollbackQuery,
    @IdempotencyKeyHeader() key?: string,
  ): Promise<RollbackView> {
    if (dryRun === 'true') return this.rollback.plan(id, number);
    return this.rollback.run(id, number, key);
  }
}
