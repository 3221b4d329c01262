import { type StreamedCommand, streamCommand } from '@gopher/supervisor';

/** Of systemd: wherever that is, it is there. */
export const runJournalctl = (args: readonly string[]): StreamedCommand =>
  streamCommand('/usr/bin/journalctl', args);
