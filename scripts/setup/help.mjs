export const START_HELP = `npm start: a whole Gopher on this machine, to try it out

Installs, builds, gets rathole, and runs an edge, this machine with its agent, and one sample tunnel.
Everything is kept in the folder .gopher of the checkout and listens on loopback alone; an installed
Gopher is never touched. Ctrl-C stops it all, and so does npm stop.

  npm start                  run it in the foreground
  npm start -- --detach      return when it runs; nothing watches over it then
  npm start -- --json        print the addresses as one JSON object; progress goes to stderr
  npm start -- --help

Settings (environment), all of them optional:
  GOPHER_TRIAL_DIR                 folder of the trial                        .gopher
  GOPHER_TRIAL_API_PORT            API and Swagger                            14321
  GOPHER_TRIAL_RATHOLE_PORT        rathole, where machines connect            12333
  GOPHER_TRIAL_AGENT_PORT          gopher-agent                               14322
  GOPHER_TRIAL_CHECK_PORT          where the edge checks the agent's tunnels  14323
  GOPHER_TRIAL_PAGE_PORT           the sample web page                        14380
  GOPHER_TRIAL_BACK_CHANNEL_PORTS  to the agent, through rathole              25000-25999
  GOPHER_TRIAL_TUNNEL_PORTS        tunnels                                    26000-26999
  GOPHER_RATHOLE                   path of rathole 0.5.0; default: Gopher's cache or PATH, if it
                                   has Gopher's patches, or built from source with cargo
  GOPHER_LOG_LEVEL                 debug, info, warn or error; logs are in .gopher/trial

Exit codes: 0 it ran and was stopped, or runs (--detach); 1 failed, or without rathole (--detach);
2 wrong usage or settings; 130 or 143 stopped before it was ready.
`;

export const STOP_HELP = `npm stop: stops what npm start runs

  npm stop                 stop all of it; what it knows is kept for the next npm start
  npm stop -- --purge      remove all that it kept as well: folder, database, token
  npm stop -- --help

GOPHER_TRIAL_DIR names the trial, as for npm start. Exit codes: 0 nothing of it runs any more,
1 something could not be stopped or removed, 2 wrong usage or settings.
`;
