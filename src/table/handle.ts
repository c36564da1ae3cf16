/** A value that is replaced whole: the only mutable cells of the gateway. Whoever read `current()` keeps what it read. */
export interface Handle<T> {
  current(): T | undefined;
  publish(value: T): void;
  /** Called after each publish, in order of subscription. Returns the end of the subscription. */
  subscribe(listener: (value: T, previous: T | undefined) => void): () => void;
}

export function createHandle<T>(): Handle<T> {
  let current: T | undefined;
  const listeners = new Set<(value: T, previous: T | undefined) => void>();
  return {
    current: () => current,
    publish(value) {
      const previous = current;
      current = value;
      for (const listener of listeners) listener(value, previous);
    },
    subscribe(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
}
