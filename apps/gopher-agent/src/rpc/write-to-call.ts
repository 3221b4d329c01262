import { Observable } from 'rxjs';

/** Of a server-streaming call. */
export interface WritableCall<Message> {
  /** `taken` is called once the caller's flow control has let it pass, and never after the end. */
  write(message: Message, taken: () => void): boolean;
}

/**
 * Writes each message once the one before was taken: a caller who stops reading stops what makes them,
 * where Nest's bridge would keep all of them for him. Completes when there are no more.
 * @param messages ends when its signal aborts: the caller has gone
 */
export function writeToCall<Message>(
  call: WritableCall<Message>,
  messages: (signal: AbortSignal) => AsyncIterable<Message>,
): Observable<never> {
  return new Observable((out) => {
    const gone = new AbortController();
    const writeAll = async () => {
      for await (const message of messages(gone.signal)) await taken(call, message, gone.signal);
    };
    writeAll().then(
      () => out.complete(),
      (error: unknown) => out.error(error),
    );
    return () => gone.abort();
  });
}

function taken<Message>(
  call: WritableCall<Message>,
  message: Message,
  gone: AbortSignal,
): Promise<void> {
  return new Promise((resolve) => {
    if (gone.aborted) return resolve();
    const done = () => {
      gone.removeEventListener('abort', done);
      resolve();
    };
    gone.addEventListener('abort', done, { once: true });
    call.write(message, done);
  });
}
