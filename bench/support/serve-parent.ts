/** Inside a Worker's process: what it does with what it is asked. */
export function serveParent<Request, Response>(
  answer: (request: Request) => Promise<Response>,
): void {
  // Ctrl-C reaches the whole group; who ends this process is its parent.
  process.on('SIGINT', () => {});
  process.on('disconnect', () => process.exit(1));
  process.on('message', (request: Request) => {
    answer(request).then(
      (response) => process.send!({ response }),
      (error: Error) => process.send!({ error: error.stack ?? String(error) }),
    );
  });
}
