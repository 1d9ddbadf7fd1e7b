import type { Transport } from '../../app/views';

/** In place of the views that the script which has all in it is without. */
export default function AbsentView() {
  return (
    <p class="refusal" role="alert">
      This view is not part of normlab-element.inline.js, which has Lens and Train. It is of normlab-element.js.
    </p>
  );
}

export const transport = (): Transport => ({ play() {}, pause() {}, step() {}, reset() {} });
