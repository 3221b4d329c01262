/** The header that tells this page from any other that may answer in its place. */
export const MARKER_HEADER = 'x-gopher-trial';

const escape = (text: string): string =>
  text.replace(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`);

/** What a visitor of the sample tunnel sees. */
export function samplePage({ marker, docs }: { marker: string; docs: string }): string {
  return `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <meta name="viewport" content="width=device-width" />
    <meta name="gopher-trial" content="${escape(marker)}" />
    <title>Gopher: it works</title>
    <style>
      body { font: 1.1rem/1.6 system-ui, sans-serif; max-width: 38rem; margin: 12vh auto; padding: 0 1rem; }
      code { background: #8882; padding: 0.1em 0.3em; border-radius: 0.2em; }
      @media (prefers-color-scheme: dark) { body { background: #111; color: #ddd; } a { color: #8bf; } }
    </style>
  </head>
  <body>
    <h1>It works.</h1>
    <p>
      This small page runs on your machine, and you read it through a Gopher tunnel: your browser
      spoke to the edge, rathole carried the bytes to the machine, and the page answered.
    </p>
    <p>
      Publish something of your own: <code>POST /api/v1/tunnels</code>, described and ready to try at
      <a href="${escape(docs)}">${escape(docs)}</a>.
    </p>
  </body>
</html>
`;
}
