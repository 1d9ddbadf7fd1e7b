/** Each message to oneself ends one wait, the oldest. */
const waiting: (() => void)[] = [];
let toMyself: MessagePort | null = null;

/** Resolves after the messages that are waiting now. A timer would be held back to 4 ms after a few rounds. */
export function nextTask(): Promise<void> {
  toMyself ??= openPort();
  const port = toMyself;
  return new Promise((resolve) => {
    waiting.push(resolve);
    port.postMessage(null);
  });
}

/** Not before it is needed: in Node an open port keeps the process alive. */
function openPort(): MessagePort {
  const { port1, port2 } = new MessageChannel();
  port1.onmessage = () => waiting.shift()?.();
  return port2;
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
