import { batch, signal } from '@preact/signals';
import type { Subject } from '../../../worker/modes-plan';
import type { Failure } from '../../../worker/protocol';
import { Refusal } from '../../state/client';
import type { LabModel } from '../../state/lab';

/** The network that is looked at; what is done to it happens in the worker. */
function modesState(lab: LabModel) {
  const subject = signal<Subject | null>(null);
  /** Steps made, while it is being trained. */
  const training = signal<{ steps: number; wanted: number } | null>(null);
  const failure = signal<Failure | null>(null);
  const taken = signal(0);
  /** Grey values of the image that was drawn or dropped. */
  const own = signal<Uint8Array | null>(null);
  /** That image is held fixed, not one of the batch. */
  const holdsOwn = signal(false);
  /** Companions are drawn anew again and again. */
  const reshuffling = signal(false);
  let turn = 0;
  let opened = 0;

  function refuse(error: unknown): void {
    if (!(error instanceof Refusal)) throw error;
    batch(() => {
      failure.value = error.failure;
      training.value = null;
    });
  }

  /** Takes or trains the network that the settings name; a newer wish ends an older one. */
  async function prepare(): Promise<void> {
    const mine = ++turn;
    const { modesSource: source, modesModel: model, modesNorm: norm, modesSteps: steps } = lab.config.peek();
    const plan = { source, model, norm, steps, taken: taken.peek() };
    failure.value = null;
    // With a worker ends what it held.
    if (opened !== lab.opened.peek()) subject.value = null;
    opened = lab.opened.peek();
    try {
      for (;;) {
        const found = await lab.ask('modes', 'prepare', plan);
        if (mine !== turn) return;
        if (found.steps === found.wanted) {
          batch(() => {
            subject.value = found;
            training.value = null;
          });
          return;
        }
        training.value = { steps: found.steps, wanted: found.wanted };
      }
    } catch (error) {
      if (mine === turn) refuse(error);
    }
  }

  async function change(asked: Promise<Subject>): Promise<void> {
    const mine = turn;
    try {
      const changed = await asked;
      if (mine === turn) subject.value = changed;
    } catch (error) {
      refuse(error);
    }
  }

  return {
    subject,
    training,
    failure,
    taken,
    own,
    holdsOwn,
    reshuffling,
    prepare,
    /** Takes the network from Train once more, as it is now. */
    take() {
      taken.value++;
    },
    recalibrate: () => change(lab.ask('modes', 'recalibrate', lab.config.peek().modesBatches)),
    reset: () => change(lab.ask('modes', 'reset')),
    undo: () => change(lab.ask('modes', 'undo')),
  };
}

export const modesOf = (lab: LabModel): ReturnType<typeof modesState> => lab.tab('modes', () => modesState(lab));
