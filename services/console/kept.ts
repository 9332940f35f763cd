/** What many people look at is read once for all of them. */

export interface Kept<Value> {
  /** What was read last; read again once it is too old. Whoever asks meanwhile waits for the same read. */
  get(): Promise<Value>;
  /** It has changed: the next one who asks has it read. */
  forget(): void;
}

/** @param now milliseconds since 1970 */
export function kept<Value>(read: () => Promise<Value>, milliseconds: number, now: () => number): Kept<Value> {
  let pending: Promise<Value> | null = null;
  let last: { readonly value: Value; readonly at: number } | null = null;
  const look = () => {
    const looking = read().then(
      (value) => {
        if (pending === looking) [last, pending] = [{ value, at: now() }, null];
        return value;
      },
      (error: unknown) => {
        if (pending === looking) pending = null;
        throw error;
      },
    );
    pending = looking;
    return looking;
  };
  return {
    get() {
      if (pending !== null) return pending;
      if (last !== null && now() - last.at < milliseconds) return Promise.resolve(last.value);
      return look();
    },
    forget() {
      [last, pending] = [null, null];
    },
  };
}

/** What a promise brings within a time, else the other value; it goes on meanwhile. @throws what it is rejected with in that time */
export async function within<Value, Late>(
  promise: Promise<Value>,
  milliseconds: number,
  late: Late,
): Promise<Value | Late> {
  const { promise: over, resolve } = Promise.withResolvers<Late>();
  const timer = setTimeout(() => resolve(late), milliseconds);
  promise.catch(() => {});
  try {
    return await Promise.race([promise, over]);
  } finally {
    clearTimeout(timer);
  }
}
