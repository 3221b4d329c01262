import { checkRatholeBuild } from './rathole-build.js';

describe(checkRatholeBuild.name, () => {
  it('warns of a released rathole and says what one is without', () => {
    const check = checkRatholeBuild('edge-rathole-capabilities', '0.5.0');
    expect(check).toMatchObject({ outcome: 'warn', leg: 'edge' });
    expect(check.meaning).toMatch(/rathole 0\.5\.0 is the released one: anyone who connects/);
    expect(check.advice).toContain('npm run rathole');
  });

  it('passes the one with all patches, and knows an older one', () => {
    const build = (level: number) =>
      checkRatholeBuild('rathole-capabilities', `0.5.0+gopher.${level}`);
    expect(build(999).outcome).toBe('pass');
    expect(checkRatholeBuild('edge-rathole-capabilities', '0.5.0+gopher.1').meaning).toContain(
      "is one with Gopher's older patches",
    );
  });

  it('says nothing of one that could not be told', () => {
    expect(checkRatholeBuild('rathole-capabilities', '').outcome).toBe('skip');
  });
});
