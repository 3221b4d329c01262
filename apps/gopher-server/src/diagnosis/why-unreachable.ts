/** Of what a channel to an agent says when it fails, most telling first. */
const REASONS: readonly { says: RegExp; meaning: string; advice: string }[] = [
  {
    says: /certificate|CERT_|altnames/i,
    meaning: 'whoever answers in its place has no certificate that the edge takes',
    advice: 'See what is said of its certificate; joining the machine again gives it a new one',
  },
  {
    says: /ECONNREFUSED/,
    meaning: "the machine's control client is not connected to the edge",
    advice:
      "The machine is off, has lost its network, or can not reach the edge's control port; there, gopher-agent diagnose says which",
  },
  {
    says: /ECONNRESET|EPIPE|socket hang up|disconnected before secure|closed before|UNAVAILABLE|Connection dropped/i,
    meaning: "the machine's control client takes the connection, and nobody answers behind it",
    advice: 'gopher-agent does not run there, or listens elsewhere: see its service and its log',
  },
];

const SILENT = {
  meaning: 'nothing comes back in time',
  advice:
    'The machine is off or overloaded, its line is broken, or its control client or agent is frozen; there, gopher-agent diagnose says which',
};

/** What the reason means that a call to an agent failed with, and what to do. */
export function whyUnreachable(reason: string): [meaning: string, details: { advice: string }] {
  const known = REASONS.find(({ says }) => says.test(reason));
  // Of silence gRPC has much to say, and nothing that helps.
  if (!known) return [`The agent does not answer: ${SILENT.meaning}`, { advice: SILENT.advice }];
  const { meaning, advice } = known;
  return [`The agent does not answer: ${meaning} (${reason.slice(0, 300)})`, { advice }];
}
