/** Nobody waits for the work any more: the time to end has come. It is not committed. */
export class GivenUpError extends Error {
  override readonly name = "GivenUpError";
  readonly code = "given_up";
}

/** What `promise` brings, or GivenUpError as soon as the signal aborts. */
export async function orGivenUp<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  const givenUp = Promise.withResolvers<never>();
  const giveUp = () => givenUp.reject(new GivenUpError("given up: the consumer ends"));
  if (signal.aborted) giveUp();
  signal.addEventListener("abort", giveUp);
  // Whichever comes second, nobody waits for it.
  promise.catch(() => {});
  givenUp.promise.catch(() => {});
  try {
    return await Promise.race([promise, givenUp.promise]);
  } finally {
    signal.removeEventListener("abort", giveUp);
  }
}
