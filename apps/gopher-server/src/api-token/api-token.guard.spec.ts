import { bearerToken } from './api-token.guard.js';

describe(bearerToken.name, () => {
  it.each([
    ['Bearer abc', 'abc'],
    ['bearer a.b-c_', 'a.b-c_'],
    [undefined, null],
    ['', null],
    ['Bearer', null],
    ['Bearer  two', null],
    ['Bearer a b', null],
    ['Basic abc', null],
    [`Bearer ${'x'.repeat(201)}`, null],
    ['Bearer ä', null],
  ])('of %j is %j', (header, token) => {
    expect(bearerToken(header)).toBe(token);
  });
});
