// Stands in for journalctl: prints lines as it does, and behaves as the first argument says.
import { once } from 'node:events';

const [behaviour, ...args] = process.argv.slice(2);
const START = 1_767_225_600_000_000;

const line = (number, { unit = 'gopher-agent.service', message, ...more } = {}) =>
  `${JSON.stringify({
    __CURSOR: `cursor-${number}`,
    __REALTIME_TIMESTAMP: String(START + number * 1_000_000),
    _SYSTEMD_UNIT: unit,
    PRIORITY: '6',
    MESSAGE: message ?? JSON.stringify({ level: 'info', message: `entry ${number}` }),
    ...more,
  })}\n`;

const PAGE = [
  line(1),
  line(2, {
    unit: 'gopher-rathole-data.service',
    message: '2026-01-01T00:00:00.5Z  WARN rathole: careful',
  }),
  line(3, {
    unit: 'init.scope',
    UNIT: 'gopher-agent.service',
    message: 'Started gopher-agent.service',
  }),
  line(4, { unit: 'sshd.service', message: 'Accepted password for somebody' }),
  'no JSON at all\n',
  line(5, { message: [...Buffer.from('bytes \xff\x1b', 'latin1')] }),
  line(6, { message: null, MESSAGE: null }),
];

if (args.includes('--reverse')) {
  if (behaviour === 'fails') {
    process.stderr.write('Failed to open the journal: Permission denied\n');
    process.exit(1);
  }
  if (behaviour === 'hangs') await new Promise((resolve) => setTimeout(resolve, 60_000));
  process.stdout.write([...PAGE].reverse().join(''));
} else {
  const after = args.find((arg) => arg.startsWith('--after-cursor='));
  process.stdout.write(line(7, { message: JSON.stringify({ level: 'info', message: after }) }));
  if (behaviour === 'dies') process.exit(3);
  if (behaviour === 'floods') {
    for (let number = 8; number < 200_008; number += 1) {
      if (!process.stdout.write(line(number))) await once(process.stdout, 'drain');
    }
  }
  setInterval(() => {}, 60_000);
}
