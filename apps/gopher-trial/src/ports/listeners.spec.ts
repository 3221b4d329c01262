import { parseListeners } from './listeners.js';

const TCP = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:37F1 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 51234 1 0000000000000000 100 0 0 10 0
   1: 0100007F:37F1 0100007F:9C40 01 00000000:00000000 00:00000000 00000000     0        0 51235 1 0000000000000000 20 4 30 10 -1
`;
const TCP6 = `  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000000000000000000000000000:1F90 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 777 1 0000000000000000 100 0 0 10 0
`;

describe(parseListeners.name, () => {
  it('finds what listens, not what is connected', () => {
    expect(parseListeners(TCP)).toEqual([{ port: 14_321, uid: 1_000, inode: '51234' }]);
  });

  it('reads IPv6', () => {
    expect(parseListeners(TCP6)).toEqual([{ port: 8_080, uid: 0, inode: '777' }]);
  });

  it('has nothing where there is no table', () => {
    expect(parseListeners('')).toEqual([]);
  });
});
