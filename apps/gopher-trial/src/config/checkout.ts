import { fileURLToPath } from 'node:url';

const inCheckout = (path: string): string =>
  fileURLToPath(new URL(`../../../../${path}`, import.meta.url));

/** What the trial runs. */
export const CHECKOUT = inCheckout('.').replace(/\/$/, '');
export const SERVER_MAIN = inCheckout('apps/gopher-server/dist/main.js');
export const AGENT_MAIN = inCheckout('apps/gopher-agent/dist/gopher-agent.mjs');
export const AGENT_LAUNCH_FILE = inCheckout('apps/gopher-agent/launch.json');
export const TRIAL_MAIN = inCheckout('apps/gopher-trial/dist/main.js');

/** What each of them is made of, as files and folders of the build. */
export const SERVER_BUILD = [inCheckout('apps/gopher-server/dist'), inCheckout('libs')];
export const AGENT_BUILD = [inCheckout('apps/gopher-agent/dist')];
export const PAGE_BUILD = [inCheckout('apps/gopher-trial/dist/sample')];
