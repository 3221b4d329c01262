import { frame } from './edge-event.js';

describe(frame.name, () => {
  it('writes a server-sent event', () => {
    const written = frame('tunnel-state', { reason: 'ä\n' }, 'run-7').toString();
    expect(written).toBe('id: run-7\nevent: tunnel-state\ndata: {"reason":"ä\\n"}\n\n');
    expect(frame('heartbeat', {}).toString()).toBe('event: heartbeat\ndata: {}\n\n');
  });

  it('keeps no more memory than it has bytes', () => {
    const written = frame('log', { text: 'x' });
    expect(written.buffer.byteLength).toBe(written.length);
  });
});
