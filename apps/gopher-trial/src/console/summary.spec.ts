import { execFileSync } from 'node:child_process';
import { shellWord, type Summary, summaryText } from './summary.js';

const summary: Summary = {
  directory: '/home/me/my trial',
  api: 'http://127.0.0.1:14321/api/v1',
  docs: 'http://127.0.0.1:14321/docs',
  openapi: 'http://127.0.0.1:14321/openapi.json',
  tokenFile: '/home/me/my trial/server/api-token',
  machineId: '0198',
  tunnel: {
    url: 'http://127.0.0.1:26001/',
    address: '127.0.0.1:26001',
    target: '127.0.0.1:14380',
  },
  problem: null,
  logs: '/home/me/my trial/trial',
};

describe(summaryText.name, () => {
  it('names every address, the token file and how to stop', () => {
    const text = summaryText(summary, 'Ctrl-C');
    for (const part of [summary.tunnel!.url, summary.api, summary.docs, summary.tokenFile]) {
      expect(text).toContain(part);
    }
    expect(text).toMatch(/Stop\s+Ctrl-C/);
  });

  it('gives an example that survives a space in a path', () => {
    expect(summaryText(summary, '')).toContain(`$(cat '/home/me/my trial/server/api-token')`);
  });

  it('tells instead what is missing', () => {
    const text = summaryText({ ...summary, tunnel: null, problem: 'no rathole\ndo this' }, '');
    expect(text).toContain('  no rathole\n  do this');
    expect(text).not.toContain('curl');
  });
});

describe(shellWord.name, () => {
  it.each(['/a/b-c_d.e', '/a b', "/it's", '/$(x)`y`"z"', 'ü'])('gives %s as it is', (word) => {
    const printed = execFileSync('sh', ['-c', `printf %s "$(printf %s ${shellWord(word)})"`]);
    expect(printed.toString()).toBe(word);
  });
});
