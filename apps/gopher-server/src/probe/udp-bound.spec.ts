import { boundUdpPorts } from './udp-bound.js';

describe(boundUdpPorts.name, () => {
  it('reads the local ports of the kernel’s table, for both families', () => {
    const table = [
      '   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid',
      '  117: 0100007F:0BB8 00000000:0000 07 00000000:00000000 00:00000000 00000000     0',
      ' 1543: 00000000000000000000000001000000:D431 00000000000000000000000000000000:0000 07',
    ].join('\n');
    expect(boundUdpPorts(table)).toEqual(new Set([3_000, 54_321]));
  });

  it('takes an empty table for one without ports', () => {
    expect(boundUdpPorts('')).toEqual(new Set());
  });
});
