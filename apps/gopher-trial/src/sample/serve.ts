import { once } from 'node:events';
import { createServer } from 'node:http';
import { SampleConfig } from '../config/sample.config.js';
import { MARKER_HEADER, samplePage } from './page.js';

/** Serves the sample page until a signal ends it. */
export async function serveSample(): Promise<void> {
  const config = SampleConfig.fromEnvironment();
  const page = samplePage(config);
  const server = createServer((_request, response) => {
    response.writeHead(200, {
      'content-type': 'text/html; charset=utf-8',
      'cache-control': 'no-store',
      [MARKER_HEADER]: config.marker,
    });
    response.end(page);
  });
  server.listen(config.port, '127.0.0.1');
  await once(server, 'listening');
  await Promise.race([once(process, 'SIGTERM'), once(process, 'SIGINT')]);
  server.closeAllConnections();
  server.close();
}
