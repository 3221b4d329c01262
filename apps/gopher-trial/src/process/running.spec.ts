import { belongsTo, parseEnvironment } from './running.js';

describe(belongsTo.name, () => {
  const paths = {
    roots: ['/t/.gopher', '/var/db/abc'],
    programs: [['/g/server.js'], ['/g/trial.js', 'page']],
  };
  const ours = (argv: string[], environment = {}) => belongsTo({ argv, environment }, paths);

  it.each([
    [['/cache/rathole', '--server', '/t/.gopher/server/rathole/server.toml']],
    [['/pg/bin/postgres', '-D', '/var/db/abc/data']],
  ])('knows an engine by where its arguments lead: %j', (argv) => {
    expect(ours(argv)).toBe(true);
  });

  it('knows a program of ours by the directory that it was given', () => {
    const argv = ['/node', '--flag', '/g/server.js'];
    expect(ours(argv, { GOPHER_TRIAL_DIR: '/t/.gopher' })).toBe(true);
    expect(ours(argv, { GOPHER_TRIAL_DIR: '/other' })).toBe(false);
    expect(ours(argv)).toBe(false);
  });

  it.each([
    [['tail', '-f', '/t/.gopher/trial/gopher-server.log']],
    [['rathole', '--server', '/t/.gopher-2/server.toml']],
    [['rathole']],
    [['/node', '/g/trial.js', 'start']],
    [[]],
  ])('leaves alone %j', (argv) => {
    expect(ours(argv, { GOPHER_TRIAL_DIR: '/t/.gopher' })).toBe(false);
  });
});

describe(parseEnvironment.name, () => {
  it('keeps values that hold the sign, and names without one', () => {
    expect(parseEnvironment(['A=b=c', 'B=', 'C'])).toEqual({ A: 'b=c', B: '', C: '' });
  });
});
