/** The words in which a call is refused, without the call's own name; empty where it is not. */
export function refusal(call: () => unknown): string {
  try {
    call();
    return '';
  } catch (error) {
    // What is no refusal of an argument is a fault, and not to be shown as a pitfall's symptom.
    if (!(error instanceof Error) || !('code' in error) || error.code === 'internal') throw error;
    return error.message.replace(/^[\w.]+: /, '');
  }
}
