import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { TestEdge, TestMachine } from '../../../test/product/index.js';
import { LogFollower, type LogEntryView } from '../../../test/product/log-follower.js';

interface Page {
  entries: LogEntryView[];
  dropped: number;
}

describe('the logs of a machine and of the edge', () => {
  let edge: TestEdge;
  let machine: TestMachine;

  beforeAll(async () => {
    edge = await TestEdge.start();
    machine = await TestMachine.join(edge, 'attic');
  });
  afterAll(async () => {
    await machine?.stop();
    await edge?.stop();
  });

  const page = (path: string) => edge.call<Page>('GET', path);

  it('come as one page, in the order of time, each from where it is written', async () => {
    const { status, body } = await page(`/machines/${machine.id}/logs`);
    expect(status).toBe(200);
    expect(new Set(body.entries.map(({ source }) => source))).toEqual(
      new Set(['agent', 'control', 'data']),
    );
    const times = body.entries.flatMap(({ at }) => at ?? []);
    expect(times).toEqual([...times].sort());
    expect(body.entries.map(({ text }) => text).join('\n')).toContain('serves the edge');
    const { body: edgeLogs } = await page('/edge/logs');
    console.log(edgeLogs.entries.map((e) => `${e.at} ${e.source} ${e.text}`).join('\n'));
    expect(new Set(edgeLogs.entries.map(({ source }) => source))).toEqual(
      new Set(['server', 'rathole']),
    );
  });

  it('are followed over HTTP, and the stream ends on the machine when the reader goes', async () => {
    const follower = await LogFollower.open(
      edge,
      `/machines/${machine.id}/logs/follow?tail=0&source=control`,
    );
    const log = join(machine.stateDir, 'processes', 'control.log');
    appendFileSync(log, 'a new line\n');
    await follower.until('the new line', () => follower.texts.includes('a new line'));
    follower.close();
  });

  it('can be had as a file', async () => {
    const { headers, body } = await edge.call<string>(
      'GET',
      `/machines/${machine.id}/logs/download`,
    );
    expect(headers.get('content-type')).toContain('text/plain');
    expect(headers.get('content-disposition')).toBe(
      `attachment; filename="gopher-${machine.id}.log"`,
    );
    expect(body).toMatch(/INFO agent .*serves the edge/);
  });
});
