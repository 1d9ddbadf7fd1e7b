/**
 * Turns the first Ctrl-C into an abort, so that the work can stop at a step's end and print what it has. A second one
 * ends the process, as it would have at first.
 *
 * @returns {{ signal: AbortSignal, dispose: () => void }}
 */
export function onInterrupt() {
  const controller = new AbortController();
  const abort = () => controller.abort();
  process.once('SIGINT', abort);
  return { signal: controller.signal, dispose: () => process.off('SIGINT', abort) };
}
