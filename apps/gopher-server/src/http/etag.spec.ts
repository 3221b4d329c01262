import { expectedVersion, PreconditionUnreadableError } from './etag.js';

describe(expectedVersion.name, () => {
  it.each([
    [undefined, null],
    ['*', null],
    [' * ', null],
    ['"1"', 1],
    [' "42" ', 42],
  ])('reads %j as %j', (header, version) => {
    expect(expectedVersion(header)).toBe(version);
  });

  it.each(['', '1', 'W/"1"', '"1', '"01a"', '"1", "2"', `"${'9'.repeat(10)}"`])(
    'refuses %j',
    (header) => {
      expect(() => expectedVersion(header)).toThrow(PreconditionUnreadableError);
    },
  );
});
