import fc from 'fast-check';
import { clientConfig, serverConfig } from '../test/arbitraries.js';
import { parseClient, parseServer } from './parse.js';
import { renderClient, renderServer } from './render.js';

const sorted = <T extends { name: string }>(services: readonly T[]) =>
  services.toSorted((a, b) => (a.name < b.name ? -1 : 1));

describe('any configuration', () => {
  it('comes back from a server file as it was', () => {
    fc.assert(
      fc.property(serverConfig(), (config) => {
        const expected = { ...config, services: sorted(config.services) };
        expect(parseServer(renderServer(config))).toEqual(expected);
      }),
      { numRuns: 300 },
    );
  });

  it('comes back from a client file as it was', () => {
    fc.assert(
      fc.property(clientConfig(), (config) => {
        const expected = { ...config, services: sorted(config.services) };
        expect(parseClient(renderClient(config))).toEqual(expected);
      }),
      { numRuns: 300 },
    );
  });

  it('gives the same text whatever the order of its services', () => {
    fc.assert(
      fc.property(clientConfig(), (config) => {
        const services = config.services.toReversed();
        expect(renderClient({ ...config, services })).toBe(renderClient(config));
      }),
    );
  });
});

describe('a damaged file', () => {
  it('is taken or refused with a reason, and nothing else happens', () => {
    const text = fc.string({ unit: fc.constantFrom('"', '\n', '[', ']', '=', '.', '#', 'a', '0') });
    fc.assert(
      fc.property(clientConfig(), fc.nat(), fc.nat(40), text, (config, at, cut, insert) => {
        const whole = renderClient(config);
        const start = at % whole.length;
        const damaged = whole.slice(0, start) + insert + whole.slice(start + cut);
        try {
          parseClient(damaged);
        } catch (error) {
          expect(error).toMatchObject({ name: 'RatholeConfigError' });
          expect((error as Error).message).toMatch(/\S+/);
        }
      }),
      { numRuns: 500 },
    );
  });
});
