import '../../styles/tour.css';
import { useEffect, useLayoutEffect, useRef } from 'preact/hooks';
import type { LabModel } from '../state/lab';
import { endTour, tour } from '../state/tour';
import { place } from './tour-place';

interface Step {
  title: string;
  text: string;
  /** What it is about; where it is not in the page, the step stands by itself. */
  target: string;
}

const steps: Step[] = [
  {
    title: 'Choose a normalization',
    text: 'The grids show which values of a batch share one mean and variance. Each keeps its colour everywhere.',
    target: '.norm-picker',
  },
  {
    title: 'Press Play',
    text: 'A real network is trained on real images, here in your browser. Step makes one step; a changed setting starts over.',
    target: '.transport',
  },
  {
    title: 'Compare the two modes',
    text: 'The same weights are tested in eval mode (solid) and in train mode (dashed). Where they part, normalization is why.',
    target: '.readout',
  },
  {
    title: 'Take it with you',
    text: 'The link holds all settings. The same run as PyTorch code, its figures and its model are here too, and a file opens by dropping it.',
    target: '.actions',
  },
];

/** Four steps beside the controls that they are about. Nothing is locked: the page can be used meanwhile. */
export default function Tour({ lab }: { lab: LabModel }) {
  const card = useRef<HTMLDivElement>(null);
  const heading = useRef<HTMLHeadingElement>(null);
  const at = tour.value ?? 0;
  const step = steps[at] as Step;
  useEffect(() => {
    const onKeyDown = ({ key }: KeyboardEvent) => key === 'Escape' && endTour();
    document.addEventListener('keydown', onKeyDown);
    // The steps are about the tab Train.
    lab.set('view', 'train');
    return () => document.removeEventListener('keydown', onKeyDown);
  }, [lab]);
  const opener = useRef(document.activeElement);
  // Whoever asked for the tour, or for its next step, is taken there; who has just come to the page is not.
  const asked = useRef(opener.current !== document.body);
  useEffect(() => {
    if (asked.current) heading.current?.focus({ preventScroll: true });
    asked.current = true;
  }, [at]);
  useLayoutEffect(
    () => () => {
      if (!card.current?.contains(document.activeElement)) return;
      const back = opener.current === document.body ? document.querySelector('[aria-selected="true"]') : opener.current;
      (back as HTMLElement | null)?.focus({ preventScroll: true });
    },
    [],
  );
  useLayoutEffect(() => (card.current ? place(card.current, step.target) : undefined), [step]);
  const last = at === steps.length - 1;
  return (
    <div class="tour" role="dialog" aria-labelledby="tour-title" aria-describedby="tour-text" ref={card}>
      <p class="tour-count">
        Step {at + 1} of {steps.length}
      </p>
      <h2 id="tour-title" tabIndex={-1} ref={heading}>
        {step.title}
      </h2>
      <p id="tour-text">{step.text}</p>
      <div class="tour-keys">
        {!last && (
          <button type="button" class="quiet" onClick={endTour}>
            Skip
          </button>
        )}
        {at > 0 && (
          <button type="button" class="quiet" onClick={() => go(at - 1)}>
            Back
          </button>
        )}
        <button type="button" class="quiet strong" onClick={() => (last ? endTour() : go(at + 1))}>
          {last ? 'Done' : 'Next'}
        </button>
      </div>
    </div>
  );
}

function go(step: number): void {
  tour.value = step;
}
