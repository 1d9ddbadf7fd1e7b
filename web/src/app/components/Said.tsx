import { said } from '../state/said';

/** Tells for a moment what has just been done. Stands at the end of the page: the tabs' own status lines come first. */
export function Said() {
  return (
    <p class="said" role="status" data-empty={said.value === ''}>
      {said.value}
    </p>
  );
}
