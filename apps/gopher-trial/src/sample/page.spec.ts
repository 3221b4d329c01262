import { samplePage } from './page.js';

describe(samplePage.name, () => {
  it('carries the marker and lets nothing out of its place', () => {
    const page = samplePage({ marker: 'ab"><script>', docs: 'http://127.0.0.1:1/docs' });
    expect(page).toContain('content="ab&#34;&#62;&#60;script&#62;"');
    expect(page).toContain('<a href="http://127.0.0.1:1/docs">');
  });
});
