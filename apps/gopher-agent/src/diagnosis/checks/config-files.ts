import { readFile, stat } from 'node:fs/promises';
import { type Check, failed, passed, skipped, warned } from '@gopher/diagnosis';
import { LIMITS, parseClient, RatholeConfigError } from '@gopher/rathole';
import { foreignParts } from '../../rathole/found-config.js';
import { inForce } from '../../rathole/kept-config.js';
import { CLIENT_NAMES, type ClientName } from '../../state/state-directory.js';
import type { Examination } from '../examination.js';
import type { ClientSituation, Situation } from '../situation.js';

const MAX_LINES = 5;

/** The files that rathole reads, as they stand on the disk now. */
export const configFiles: Examination = {
  ids: ['config-valid', 'config-unedited'],
  examine: async (situation) => {
    const found = await Promise.all(CLIENT_NAMES.map((name) => check(name, situation)));
    return found.flat();
  },
};

async function check(name: ClientName, situation: Situation): Promise<Check[]> {
  const client = situation.clients[name];
  const read = await readText(client.file);
  const advice = repairAdvice(situation);
  if (typeof read !== 'string') {
    const meaning = `The file of the ${name} client, ${client.file}, ${read.problem}`;
    return [
      failed('config-valid', meaning, { subject: name, advice }),
      skipped('config-unedited', 'There is nothing to compare', { subject: name }),
    ];
  }
  return [checkValid(name, client, read, advice), checkUnedited(name, client, read, advice)];
}

function checkValid(
  name: ClientName,
  { file, kept }: ClientSituation,
  text: string,
  advice: string,
): Check {
  const subject = name;
  try {
    const { services } = parseClient(text);
    const meaning = `rathole understands ${file} (${services.length} services)`;
    return passed('config-valid', meaning, { subject });
  } catch (error) {
    if (!(error instanceof RatholeConfigError)) throw error;
    // What someone wrote there is a finding of its own, and the cause of this one.
    if (text !== inForce(kept).toml) {
      const why = `Edited, and not valid any more: ${error.message}`;
      return skipped('config-valid', why, { subject });
    }
    return failed('config-valid', `${file} is not valid: ${error.message}`, { subject, advice });
  }
}

function checkUnedited(
  name: ClientName,
  client: ClientSituation,
  text: string,
  advice: string,
): Check {
  const { file, kept, repaired } = client;
  const subject = name;
  const { toml } = inForce(kept);
  if (text !== toml) {
    const lines = foreignParts(text, toml).lines.slice(0, MAX_LINES);
    const what = lines.length > 0 ? `with: ${lines.join(' | ')}` : 'where lines are missing';
    const meaning = `The file of the ${name} client was edited by someone else: ${file}, ${what}`;
    return failed('config-unedited', meaning, { subject, advice });
  }
  if (repaired === '') {
    const meaning = `The file of the ${name} client is as the edge wrote it`;
    return passed('config-unedited', meaning, { subject });
  }
  return warned('config-unedited', `The file of the ${name} client was edited: ${repaired}`, {
    subject,
    advice: 'Make tunnels at the edge: what is written into this file by hand does not stay',
  });
}

const repairAdvice = ({ agentPid }: Situation): string =>
  agentPid === null
    ? 'Start the agent, which writes it anew: gopher-agent run, or its service'
    : 'The agent writes it anew within a second; if not, its log says why. Make tunnels at the edge, not in this file';

async function readText(file: string): Promise<string | { problem: string }> {
  try {
    const { size } = await stat(file);
    if (size > LIMITS.client.bytes) return { problem: `is too large (${size} bytes)` };
    return await readFile(file, 'utf8');
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    return { problem: code === 'ENOENT' ? 'is missing' : `can not be read: ${message}` };
  }
}
