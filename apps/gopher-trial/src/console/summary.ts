/** What a person, or a program, needs to know of a running trial. */
export interface Summary {
  directory: string;
  api: string;
  docs: string;
  openapi: string;
  tokenFile: string;
  machineId: string | null;
  /** null where there is no rathole to carry it. */
  tunnel: { url: string; address: string; target: string } | null;
  /** What is missing, and what to do about it. */
  problem: string | null;
  logs: string;
}

/** @param stop how it is stopped from where the text is read */
export function summaryText(summary: Summary, stop: string): string {
  const rows = [
    ['Tunnel', tunnelRow(summary)],
    ['API', summary.api],
    ['Swagger', summary.docs],
    ['Token', summary.tokenFile],
    ['Logs', summary.logs],
    ['Stop', stop],
  ] as const;
  return [
    '',
    ...rows.map(([name, value]) => `  ${name.padEnd(9)}${value}`),
    '',
    ...(summary.problem === null ? publishExample(summary) : problemText(summary.problem)),
    '',
    '',
  ].join('\n');
}

function tunnelRow({ tunnel }: Summary): string {
  if (tunnel === null) return 'none: see below';
  return `${tunnel.url}  →  this machine's ${tunnel.target}, checked from end to end`;
}

function publishExample({ api, tokenFile, machineId }: Summary): string[] {
  const body = JSON.stringify({ machineId, target: '127.0.0.1:8080' });
  return [
    '  Publish another local port, 8080 for example:',
    '',
    `    curl --silent --show-error ${api}/tunnels \\`,
    `      --header "Authorization: Bearer $(cat ${shellWord(tokenFile)})" \\`,
    "      --header 'Content-Type: application/json' \\",
    `      --data '${body}'`,
  ];
}

const problemText = (problem: string): string[] =>
  ['Without rathole there are no tunnels; everything else runs.', ...problem.split('\n')].map(
    (line) => `  ${line}`,
  );

/** As it is typed into a shell, also inside of double quotes. */
export function shellWord(text: string): string {
  return /^[\w/.:@%+,=-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
