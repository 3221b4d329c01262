// Runs under the Node that the machine has, which may be older than the one that Gopher brings:
// nothing newer than Node 12 may stand in this file, so that it can say so.
const MIN_NODE = [20, 19];

const version = process.versions.node.split('.').map(Number);
if (version[0] < MIN_NODE[0] || (version[0] === MIN_NODE[0] && version[1] < MIN_NODE[1])) {
  process.stderr.write(
    `Gopher needs Node ${MIN_NODE.join('.')} or newer to install itself; this is Node ` +
      `${process.versions.node} (${process.execPath}). Get a newer one from https://nodejs.org\n`,
  );
  process.exitCode = 1;
} else {
  void import('./setup/start-trial.mjs').then(({ startTrial }) =>
    startTrial(process.argv.slice(2)),
  );
}
