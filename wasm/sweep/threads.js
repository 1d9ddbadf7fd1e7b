import { NormlabError } from '../errors.js';

/*
 * Worker threads of Node and of browsers, as one.
 */

/**
 * Node's, or null elsewhere. Asked of the process and not imported, so that bundlers for browsers do not see it.
 *
 * @returns {typeof import('node:worker_threads') | null}
 */
const nodeThreads = () => globalThis.process?.getBuiltinModule?.('node:worker_threads') ?? null;

/** Whether there are workers here. */
export const hasThreads = () => nodeThreads() !== null || typeof globalThis.Worker === 'function';

/** @returns {number} threads that run at the same time */
export function cores() {
  const os = globalThis.process?.getBuiltinModule?.('node:os');
  return os?.availableParallelism() ?? globalThis.navigator?.hardwareConcurrency ?? 1;
}

/**
 * Starts a thread that does runs.
 *
 * @param {(message: any) => void} onMessage
 * @param {(error: Error) => void} onFailure it ended by itself
 * @returns {{ post: (message: unknown) => void, end: () => Promise<void> }}
 */
export function startThread(onMessage, onFailure) {
  // The whole last expression is what bundlers recognize a worker by. Flags of the process such as --input-type are not for the
  // file that a worker runs.
  const Threads = nodeThreads()?.Worker;
  const worker = /** @type {any} */ (
    Threads
      ? new Threads(new URL('./worker.js', import.meta.url), { execArgv: [] })
      : new Worker(new URL('./worker.js', import.meta.url), { type: 'module' })
  );
  const failed = (/** @type {unknown} */ cause) => {
    const message = /** @type {{ message?: string } | null} */ (cause)?.message;
    onFailure(new NormlabError('internal', `nl.sweep: a worker ended${message ? `: ${message}` : ''}`, { cause }));
  };
  if (typeof worker.on === 'function') {
    worker
      .on('message', onMessage)
      .on('messageerror', failed)
      .on('error', failed)
      .on('exit', () => failed(null));
  } else {
    worker.onmessage = (/** @type {MessageEvent} */ { data }) => onMessage(data);
    worker.onerror = worker.onmessageerror = failed;
  }
  return {
    post: (message) => worker.postMessage(message),
    end: async () => {
      await worker.terminate();
    },
  };
}

/**
 * The other side, within a worker.
 *
 * @param {(message: any) => void} onMessage
 * @returns {(message: unknown) => void} sends one
 */
export function listen(onMessage) {
  const port = nodeThreads()?.parentPort;
  if (port) {
    port.on('message', onMessage);
    return (message) => port.postMessage(message);
  }
  const scope = /** @type {any} */ (globalThis);
  scope.onmessage = (/** @type {MessageEvent} */ { data }) => onMessage(data);
  return (message) => scope.postMessage(message);
}
