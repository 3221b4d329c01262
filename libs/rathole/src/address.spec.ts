import { hostPortPattern, parseHostPort } from './address.js';

const TOO_LONG = `${'a.'.repeat(127)}a:80`;

describe(parseHostPort.name, () => {
  it.each([
    ['127.0.0.1:80', { host: '127.0.0.1', port: 80 }],
    ['[::1]:65535', { host: '::1', port: 65_535 }],
    ['[2001:db8::7]:2333', { host: '2001:db8::7', port: 2333 }],
    ['localhost:1', { host: 'localhost', port: 1 }],
    ['my_box.lan:8080', { host: 'my_box.lan', port: 8080 }],
    ['edge.example.org:2333', { host: 'edge.example.org', port: 2333 }],
  ])('reads %s', (text, expected) => {
    expect(parseHostPort(text)).toEqual(expected);
  });

  it.each([
    '',
    'localhost',
    ':80',
    'localhost:',
    'localhost:0',
    'localhost:65536',
    'localhost:080',
    'localhost:8o',
    'localhost: 80',
    ' localhost:80',
    'localhost:80\n',
    '::1:80',
    '[::1]',
    '[::1%lo]:80',
    '[127.0.0.1]:80',
    '999.1.1.1:80',
    '127.1:80',
    '1.2.3.04:80',
    '-a.b:80',
    'a-.b:80',
    'a..b:80',
    'a.b.:80',
    'münchen.de:80',
    'user@host:80',
    'http://host:80',
    `${'a'.repeat(64)}:80`,
    TOO_LONG,
  ])('refuses %j', (text) => {
    expect(parseHostPort(text)).toBeNull();
  });
});

describe(hostPortPattern.name, () => {
  const pattern = new RegExp(hostPortPattern());

  it('takes what is read, and refuses what is refused', () => {
    const hosts = ['a', 'A_b', '1a', '1', 'a.1', '1.a', '-a', 'a-', 'a..b', '1.2.3.4', '1.2.3.04'];
    const more = ['[::1]', '[::ffff:1.2.3.4]', '[1:2:3:4:5:6:7:8]', '[1::2::3]', '[]', '', 'ä'];
    const ports = ['1', '9999', '10000', '59999', '64999', '65499', '65529', '65535', '65536'];
    const noPorts = ['0', '01', '99999', '100000', '', '8o', '80\n'];
    for (const host of [...hosts, ...more]) {
      for (const port of [...ports, ...noPorts]) {
        const text = `${host}:${port}`;
        // A notation that is read, and not worth a longer pattern.
        const reads = parseHostPort(text) !== null && !host.includes('ffff');
        expect([text, pattern.test(text)]).toEqual([text, reads]);
      }
    }
    expect(pattern.test(TOO_LONG)).toBe(false);
  });
});
