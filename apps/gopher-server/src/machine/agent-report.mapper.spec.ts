import { MachineStatus, RatholeClientState } from '@gopher/proto';
import { toAgentReport } from './agent-report.mapper.js';

const client = { state: RatholeClientState.CONNECTED, pid: 0 };

describe(toAgentReport.name, () => {
  it('makes something of an answer without anything in it', () => {
    expect(toAgentReport(undefined)).toMatchObject({
      protocolVersion: 0,
      system: null,
      data: null,
    });
    expect(toAgentReport(MachineStatus.fromPartial({}))).toMatchObject({ config: null });
  });

  it('takes states that it does not know for unknown', () => {
    const later = Number('99');
    const report = toAgentReport(
      MachineStatus.fromPartial({ data: { state: later }, config: { state: later } }),
    );
    expect([report.data?.state, report.config?.state]).toEqual(['unknown', 'unknown']);
  });

  it('gives nothing on that JSON or PostgreSQL would choke on', () => {
    const { data, system } = toAgentReport(
      MachineStatus.fromPartial({
        data: { ...client, startedAt: new Date(Number.NaN), detail: `\0${'x'.repeat(499)}😀` },
        system: { cpuUsage: Number.NaN, load1: Infinity, hostname: 'a\0b', disks: [] },
      }),
    );
    expect(data).toMatchObject({ startedAt: null, pid: null });
    expect(data!.detail).toHaveLength(500);
    expect(data!.detail.isWellFormed()).toBe(true);
    expect(system).toMatchObject({ cpuUsage: 0, load: [0, 0, 0], hostname: 'ab' });
  });

  it('keeps to a size, whatever an agent sends', () => {
    const { system, agentVersion } = toAgentReport(
      MachineStatus.fromPartial({
        agentVersion: 'v'.repeat(100_000),
        system: { disks: Array.from({ length: 1_000 }, () => ({ mountPoint: '/'.repeat(5_000) })) },
      }),
    );
    expect([
      system?.disks.length,
      system?.disks[0]?.mountPoint.length,
      agentVersion.length,
    ]).toEqual([64, 500, 500]);
  });
});
