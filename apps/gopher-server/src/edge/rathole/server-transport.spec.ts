import { renderServer, type RatholeServerConfig } from '@gopher/rathole';
import { bindAddrOf, hasSameTransport, withTransportOf } from './server-transport.js';

const file = (changes: Partial<RatholeServerConfig> = {}) =>
  renderServer({
    bindAddr: '127.0.0.1:2333',
    heartbeatIntervalS: 10,
    localPrivateKey: Buffer.alloc(32, 7).toString('base64'),
    services: [],
    ...changes,
  });
const services = [{ name: 'a', type: 'tcp' as const, token: 't', bindAddr: '127.0.0.1:1' }];

describe(hasSameTransport.name, () => {
  it.each([
    [true, { services }],
    [false, { bindAddr: '127.0.0.1:2334' }],
    [false, { heartbeatIntervalS: 11 }],
    [false, { localPrivateKey: Buffer.alloc(32, 8).toString('base64') }],
  ])('is %s for %j', (same, changes) => {
    expect(hasSameTransport(file(), file(changes))).toBe(same);
  });
});

describe(withTransportOf.name, () => {
  it('has the services of one, and all else of the other', () => {
    const wanted = file({ bindAddr: '127.0.0.1:2334', services });
    expect(withTransportOf(file(), wanted)).toBe(file({ services }));
    expect(bindAddrOf(withTransportOf(wanted, file()))).toBe('127.0.0.1:2334');
  });
});
