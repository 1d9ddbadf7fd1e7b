import { useSignal } from '@preact/signals';
import type { ComponentType } from 'preact';
import { useEffect } from 'preact/hooks';
import type { LabModel } from '../state/lab';
import { endTour, tour } from '../state/tour';

/** The tour, fetched by those who are shown it. */
export function TourDoor({ lab }: { lab: LabModel }) {
  const fetched = useSignal<{ Tour: ComponentType<{ lab: LabModel }> } | null>(null);
  const on = tour.value !== null;
  useEffect(() => {
    if (!on || fetched.peek()) return;
    import('./Tour').then(
      (module) => {
        fetched.value = { Tour: module.default };
      },
      // Whoever cannot be shown around has lost nothing else.
      () => endTour(),
    );
  }, [on, fetched]);
  const Tour = fetched.value?.Tour;
  return on && Tour ? <Tour lab={lab} /> : null;
}
