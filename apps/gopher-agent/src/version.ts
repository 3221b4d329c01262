import { readFileSync } from 'node:fs';

/** Set by the bundler, which ships no package.json beside the agent. */
declare const GOPHER_AGENT_VERSION: string | undefined;

/** The release of gopher-agent; its one source is package.json. */
export const AGENT_VERSION =
  typeof GOPHER_AGENT_VERSION === 'string' ? GOPHER_AGENT_VERSION : versionOfManifest();

function versionOfManifest(): string {
  const manifest = readFileSync(new URL('../package.json', import.meta.url), 'utf8');
  return (JSON.parse(manifest) as { version: string }).version;
}
