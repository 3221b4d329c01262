import { assertHeartbeatsFit } from './heartbeat.js';

describe(assertHeartbeatsFit.name, () => {
  it.each([
    [30, 40],
    [30, 31],
    [30, 0],
    [0, 0],
  ])(
    'takes an interval of %i s with a timeout of %i s',
    (heartbeatIntervalS, heartbeatTimeoutS) => {
      expect(() =>
        assertHeartbeatsFit({ heartbeatIntervalS }, { heartbeatTimeoutS }),
      ).not.toThrow();
    },
  );

  it.each([
    [30, 30],
    [30, 10],
    [0, 40],
  ])('refuses an interval of %i s with %i s', (heartbeatIntervalS, heartbeatTimeoutS) => {
    expect(() => assertHeartbeatsFit({ heartbeatIntervalS }, { heartbeatTimeoutS })).toThrow(
      expect.objectContaining({ code: 'heartbeat-mismatch' }),
    );
  });
});
