import { agentReport } from '@gopher/machine/testing';
import { configSha256, parseClient, renderClient } from '@gopher/rathole';
import { PushDesk, type WantedConfig } from './push-desk.js';

const SECRET = 'a-token-that-nobody-may-see';

function wantedOf(tunnels: string[]): WantedConfig {
  const toml = renderClient({
    remoteAddr: 'edge.example.com:2333',
    remotePublicKey: Buffer.alloc(32, 7).toString('base64'),
    heartbeatTimeoutS: 15,
    retryIntervalS: 1,
    services: tunnels.map((id) => ({
      name: `tunnel.${id}`,
      type: 'tcp',
      token: SECRET,
      localAddr: '10.0.0.1:80',
    })),
  });
  return {
    target: { id: 'm', agentAddr: '127.0.0.1:1' },
    checkPort: 9,
    toml,
    sha256: configSha256(toml),
    tunnels: tunnels.map((id, i) => ({
      id,
      protocol: 'tcp',
      target: '10.0.0.1:80',
      bindAddress: '127.0.0.1',
      port: 1_000 + i,
    })),
  };
}

const [old, wanted] = [wantedOf(['1']), wantedOf(['1', '2'])];
const has = (
  config: WantedConfig,
  revision: number,
  state: 'applied' | 'unconfirmed' = 'applied',
) =>
  agentReport({
    config: { revision, sha256: config.sha256, state, detail: '' },
    highestRevision: revision,
  });
const tookBack = (config: WantedConfig, revision: number, reason = 'why') => ({
  ...has(old, 3),
  highestRevision: revision,
  reverted: { revision, sha256: config.sha256, cause: 'not-confirmed' as const, reason },
});

function deskFor(config = wanted): PushDesk {
  const desk = new PushDesk(config);
  desk.inForce = { number: 3, sha256: old.sha256, config: parseClient(old.toml) };
  return desk;
}

describe(PushDesk.name, () => {
  it('does nothing before the agent has said what it has', () => {
    const desk = deskFor();
    expect(desk.step(Date.now())).toBeNull();
    expect(desk.view()).toMatchObject({
      state: 'pushing',
      reason: expect.stringMatching(/not said/),
    });
    desk.hear(has(old, 3));
    expect(desk.step(Date.now())).toBe('push');
    expect(desk.view().differences).toEqual(['tunnel 2: added, 10.0.0.1:80']);
  });

  it('expects from outside the ports of what is new', () => {
    const desk = deskFor();
    expect(desk.expected(desk.begin(4, wanted))).toEqual({
      checkPort: 9,
      ports: [{ protocol: 'tcp', bindAddress: '127.0.0.1', port: 1_001 }],
    });
  });

  it('waits after what was not confirmed, longer each time, and not for something else', () => {
    const desk = deskFor();
    const waits = [4, 5, 6].map((revision) => {
      desk.hear(tookBack(wanted, revision));
      expect(desk.step(Date.now())).toBeNull();
      expect(desk.withdrawn()).toEqual(['2']);
      return desk.retryAt - Date.now();
    });
    expect(waits[0]).toBeGreaterThan(400);
    expect(waits[1]).toBeGreaterThan(900);
    expect(waits[2]).toBeGreaterThan(1_900);
    expect(desk.step(desk.retryAt)).toBe('push');
    expect(desk.cause()).toBe('again, for revision 6 was reverted');
    desk.want(wantedOf(['1', '2', '3']));
    expect([desk.step(Date.now()), desk.withdrawn()]).toEqual(['push', []]);
  });

  it('shows nothing secret of what an agent says', () => {
    const desk = deskFor();
    desk.hear(tookBack(wanted, 4, `wrong token ${SECRET}`));
    expect(desk.view().reason).toMatch(/^wrong token sha256:[0-9a-f]{8}$/);
  });

  it('believes no report that was under way when the agent took a push, and others do count', () => {
    const desk = deskFor();
    desk.hear(has(old, 3));
    desk.took(desk.begin(4, wanted), 'applied');
    desk.hear(has(old, 3));
    expect(desk.step(Date.now())).toBe('rest');
    desk.hear(tookBack(wanted, 4));
    expect(desk.view().state).toBe('reverted');
  });

  it('ends a trial that the agent no longer has, and no other', () => {
    const desk = deskFor();
    desk.hear(has(old, 3));
    const trial = desk.begin(4, wanted);
    desk.hear(has(old, 3));
    desk.hear(has(wanted, 4, 'unconfirmed'));
    expect([trial.abort.signal.aborted, desk.resumed()]).toEqual([false, trial]);
    desk.hear(tookBack(wanted, 4));
    expect(trial.abort.signal.aborted).toBe(true);
  });

  it('knows drift from a change', () => {
    const desk = deskFor(old);
    desk.hear(has(wanted, 9));
    expect(desk.cause()).toBe(
      `drift: the machine had revision 9, sha256:${wanted.sha256.slice(0, 8)} in the place of revision 3`,
    );
    desk.hear(has(wanted, 9, 'unconfirmed'));
    expect(desk.cause()).toBe('back to what revision 3 has');
    desk.want(wantedOf(['5']));
    expect(desk.cause()).toBeNull();
  });

  it('awaits no confirmation of an agent that is older than these', () => {
    const desk = deskFor();
    desk.hear({ ...has(old, 3), highestRevision: 0 });
    expect(desk.confirmWithinSeconds).toBe(0);
    desk.hear(has(old, 3));
    expect(desk.confirmWithinSeconds).toBe(30);
    desk.isOlder();
    expect(desk.confirmWithinSeconds).toBe(0);
    desk.hear({ ...has(old, 3), agentVersion: '9.9.9' });
    expect(desk.confirmWithinSeconds).toBe(30);
  });
});
