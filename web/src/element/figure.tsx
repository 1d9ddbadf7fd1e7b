import '../styles/tokens.css';
import '../styles/base.css';
import '../styles/controls.css';
import '../styles/train.css';
import '../styles/figure.css';
import { effect, type ReadonlySignal } from '@preact/signals';
import { render } from 'preact';
import { loadView, Panel, viewState } from '../app/components/Panel';
import { Problems } from '../app/components/Problems';
import { writeHash } from '../app/hash';
import { connect } from '../app/state/client';
import { Lab, type LabModel } from '../app/state/lab';
import type { Theme } from '../app/state/theme';
import type { Transport } from '../app/views';
import type { Events } from './events';

/** What an element shows from when it is loaded to when it is removed: a lab of its own, in one of the views. */
export class Figure {
  readonly lab: LabModel;
  /** Somebody has pressed or typed something. */
  touched = false;
  readonly #box = document.createElement('div');
  readonly #stops: (() => void)[] = [];

  constructor(
    root: ShadowRoot,
    state: string,
    theme: ReadonlySignal<Theme>,
    tell: <K extends keyof Events>(type: K, detail: Events[K]) => void,
  ) {
    let hash = state;
    const address = {
      read: () => hash,
      write: (next: string) => {
        hash = next;
      },
      listen: () => () => {},
    };
    const lab = new Lab({ address, theme, connect, frugal: true });
    this.lab = lab;
    const stop = effect(() => {
      this.#box.dataset.theme = theme.value;
    });
    this.#stops.push(stop, ...watch(lab, tell));
    this.#box.className = 'page framed';
    this.#box.setAttribute('part', 'figure');
    for (const type of ['pointerdown', 'keydown']) this.#box.addEventListener(type, () => (this.touched = true));
    root.append(this.#box);
    lab.open();
    render(<View lab={lab} />, this.#box);
  }

  get state(): string {
    return writeHash(this.lab.config.peek());
  }

  async transport(): Promise<Transport> {
    return (await loadView(this.lab.config.peek().view)).transport(this.lab);
  }

  /** Gives up everything; the state stays readable. */
  dispose(): void {
    for (const stop of this.#stops) stop();
    render(null, this.#box);
    this.#box.remove();
    this.lab.close();
    this.lab[Symbol.dispose]();
  }
}

function View({ lab }: { lab: LabModel }) {
  const { view, norm } = lab.config.value;
  return (
    // No <main>: the page around it has its own.
    <section data-norm={norm} part="view" aria-label="Normlab">
      <Problems lab={lab} />
      <div id="panel">
        <Panel lab={lab} view={view} />
      </div>
    </section>
  );
}

/** Tells what happens in a lab. */
function watch(lab: LabModel, tell: <K extends keyof Events>(type: K, detail: Events[K]) => void): (() => void)[] {
  let announced = false;
  /** The last step that was told of. */
  let told = 0;
  return [
    effect(() => {
      const { phase } = lab.engine.value;
      const { view } = lab.config.value;
      const variant = lab.variant.value;
      const ready = variant !== null && viewState(view) === true && (phase === 'ready' || view === 'lens');
      if (ready && !announced) {
        announced = true;
        tell('norm-lab-ready', { view, variant });
      }
    }),
    effect(() => {
      const { step, epoch, imagesPerSecond } = lab.progress.value;
      if (step === told) return;
      told = step;
      if (step === 0) return;
      const { loss, accuracy } = (lab.arms.peek()[0] as LabModel['chosen']['value']).history;
      const last = (values: readonly number[]) => values.at(-1) ?? Number.NaN;
      tell('norm-lab-step', { step, epoch, imagesPerSecond, loss: last(loss.values), accuracy: last(accuracy.values) });
    }),
    effect(() => {
      const engine = lab.engine.value;
      const failure = engine.phase === 'dead' ? engine.failure : lab.progress.value.failure;
      if (failure) tell('norm-lab-error', { code: failure.code, message: failure.message });
    }),
    effect(() => {
      const found = viewState(lab.config.value.view);
      if (typeof found === 'string') tell('norm-lab-error', { code: 'io', message: `the view is not there: ${found}` });
    }),
    effect(() => {
      for (const message of lab.problems.value) tell('norm-lab-error', { code: 'argument', message });
    }),
  ];
}
