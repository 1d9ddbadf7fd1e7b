import { computed, effect, type ReadonlySignal, signal } from '@preact/signals';
import type { Checkpoint } from '../../worker/services/page';
import type { EngineState, LabModel } from './lab';
import type { Training } from './training';

/** How much training is lost at most when a worker dies. */
const EVERY_MS = 5000;

/** Keeps in the page what runs need to go on in another worker: every few seconds while they train, and when they stop. */
export function createCheckpoints(
  engine: ReadonlySignal<EngineState>,
  { arms, progress }: Training,
  ask: LabModel['ask'],
): ReadonlySignal<readonly Checkpoint[]> {
  const latest = signal<readonly Checkpoint[]>([]);

  async function take(): Promise<void> {
    try {
      latest.value = await ask('page', 'checkpoints');
    } catch {
      // The worker that could not answer is the one that this is for: what was kept before stays.
    }
  }

  // A computed value, for progress is another object many times a second.
  const phase = computed(() => (engine.value.phase === 'ready' ? progress.value.phase : null));
  effect(() => {
    if (phase.value === 'paused') take();
    if (phase.value !== 'running') return;
    const timer = setInterval(take, EVERY_MS);
    return () => clearInterval(timer);
  });
  // Those of runs that are no more are of no use.
  return computed(() => latest.value.filter(({ run }) => arms.value.some(({ id }) => id === run)));
}
