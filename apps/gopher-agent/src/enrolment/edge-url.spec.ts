import { edgePath, parseEdgeUrl } from './edge-url.js';

describe(parseEdgeUrl.name, () => {
  it.each([
    'https://edge.example.com',
    'http://127.0.0.1:4321',
    'http://[::1]:1',
    'http://localhost',
  ])('takes %s', (url) => {
    expect(parseEdgeUrl(url).origin).toBe(new URL(url).origin);
  });

  it.each([
    'http://edge.example.com',
    'http://127.0.0.1.example.com',
    'http://localhost.example.com',
    'http://10.0.0.1',
    'ftp://edge.example.com',
    'edge.example.com',
    'https://user:secret@edge.example.com',
    'https://edge.example.com/?a=b',
  ])('refuses %s', (url) => {
    expect(() => parseEdgeUrl(url)).toThrow();
  });

  it('keeps a path that the edge is published under', () => {
    const path = edgePath(parseEdgeUrl('https://a.example/gopher/'), '/api/v1/ca');
    expect(path.href).toBe('https://a.example/gopher/api/v1/ca');
  });
});
