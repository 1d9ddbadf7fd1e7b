import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import type { BatchPlan, Draw } from '../../../worker/modes-plan';
import { Refusal } from '../../state/client';
import type { LabModel } from '../../state/lab';

/** Draws made before anybody asks, so that a spread can be seen at once. */
const FIRST = 8;
/** As many draws are kept. */
const KEPT = 60;

interface Mates {
  draws: readonly Draw[];
  /** Grey values of the last draw's companions. */
  pixels: Uint8Array;
}

const NONE: Mates = { draws: [], pixels: new Uint8Array() };

/** One image among ever other companions. Begins anew when `inputs` are others. */
export function useMates(lab: LabModel, plan: BatchPlan, image: number | Uint8Array, inputs: readonly unknown[]) {
  const mates = useSignal<Mates>(NONE);
  const turn = useRef({ next: 0, end: 0, drawing: false });

  async function draw(): Promise<void> {
    const at = turn.current;
    at.drawing = true;
    try {
      while (at.next < at.end) {
        const made = await lab.ask('modes', 'draw', plan, image, at.next, at.end - at.next);
        if (at !== turn.current) return;
        // What begins anew replaces what was there only when it is here.
        const before = at.next === 0 ? [] : mates.peek().draws;
        at.next += made.draws.length;
        mates.value = { draws: [...before, ...made.draws].slice(-KEPT), pixels: made.pixels };
      }
    } catch (error) {
      // What the engine has to say is said where the batch is compared.
      if (!(error instanceof Refusal)) throw error;
    } finally {
      at.drawing = false;
    }
  }

  useEffect(() => {
    // Alone in its batch, an image has no companions to reshuffle.
    turn.current = { next: 0, end: plan.size > 1 ? FIRST : 1, drawing: false };
    draw();
  }, inputs);

  return {
    ...mates.value,
    /** Further draws, after those under way. */
    reshuffle(count = 1) {
      if (plan.size === 1) return;
      turn.current.end += count;
      if (!turn.current.drawing) draw();
    },
    /** One more, unless some are under way. */
    keepOn() {
      if (!turn.current.drawing) this.reshuffle();
    },
  };
}
