import { parseHostPort } from './address.js';

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
    `${'a.'.repeat(127)}a:80`,
  ])('refuses %j', (text) => {
    expect(parseHostPort(text)).toBeNull();
  });
});
