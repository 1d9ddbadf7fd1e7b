const channel = new MessageChannel();

/** Resolves after the messages that are waiting now. A timer would be held back to 4 ms after a few rounds. */
export function nextTask(): Promise<void> {
  return new Promise((resolve) => {
    channel.port1.onmessage = () => resolve();
    channel.port2.postMessage(null);
  });
}

export interface Deferred<T> {
  promise: Promise<T>;
  resolve(value: T): void;
  reject(error: unknown): void;
}

export function deferred<T>(): Deferred<T> {
  const parts = {} as Deferred<T>;
  parts.promise = new Promise((resolve, reject) => Object.assign(parts, { resolve, reject }));
  // Whoever waits for it hears of the rejection; that nobody does is no error.
  parts.promise.catch(() => {});
  return parts;
}
